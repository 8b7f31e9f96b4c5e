//! The compute worker: the one thread that holds volumes, network and device.
//!
//! Requests are taken one after another by `Session::handle`; training and prediction run beside that
//! loop as tasks of their own, one at a time, so that files can still be added and looked at. Every task
//! lets the browser deliver messages between two steps, which is how `Stop` arrives in time.

mod adapter;
mod archive;
mod cases;
mod choices;
mod error;
mod files;
mod kept;
mod label;
mod predict;
mod reading;
mod restore;
mod session;
mod show;
mod storage;
mod train;

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use gloo_worker::{HandlerId, Worker, WorkerScope};
use wasm_bindgen_futures::spawn_local;

use crate::message::{Report, Request, TaskRequest, WorkerReport, WorkerRequest};
use session::{Reporter, Session, worker_scope};

/// The worker as `gloo-worker` sees it: it forwards the page's requests to a `Session`.
pub struct Compute {
    inbox: Option<UnboundedSender<Request>>,
    reporter: Option<Reporter>,
}

impl Worker for Compute {
    type Message = ();
    type Input = Request;
    type Output = Report;

    fn create(_: &WorkerScope<Self>) -> Self {
        Self {
            inbox: None,
            reporter: None,
        }
    }

    fn update(&mut self, _: &WorkerScope<Self>, (): ()) {}

    /// The page connects once: its session begins here.
    fn connected(&mut self, scope: &WorkerScope<Self>, page: HandlerId) {
        let (inbox, mut requests) = unbounded();
        let reporter = Reporter::new(scope.clone(), page);
        reporter.report_death();
        self.inbox = Some(inbox);
        self.reporter = Some(reporter.clone());
        spawn_local(async move {
            let Some(Request::Worker(WorkerRequest::Open(wish))) = requests.next().await else {
                return;
            };
            match Session::open(reporter.clone(), wish).await {
                Ok(session) => {
                    while let Some(request) = requests.next().await {
                        session.handle(request).await;
                    }
                }
                Err(error) => reporter.send(WorkerReport::Died(error.to_string())),
            }
        });
    }

    fn received(&mut self, _: &WorkerScope<Self>, request: Request, _: HandlerId) {
        let (Some(reporter), Some(inbox)) = (&self.reporter, &self.inbox) else {
            return;
        };
        // Here rather than in the session's loop, which may be busy with a large file.
        match request {
            Request::Worker(WorkerRequest::Close) => worker_scope().close(),
            Request::Task(TaskRequest::Stop) => reporter.set_stop(true),
            Request::Task(TaskRequest::Pause(pause)) => reporter.set_pause(pause),
            Request::Training(_) | Request::Segmentation(_) => reporter.set_stop(false),
            _ => {}
        }
        // Sending fails only when the session's loop has ended, and with it the worker.
        drop(inbox.unbounded_send(request));
    }
}
