//! The connection to the compute worker.

use std::collections::VecDeque;

use leptos::prelude::*;

use super::address::asked;
use super::panels::progress::{Phase, Work};
use super::panels::worker::Engine;
use super::state::State;
use super::{files, panels};
use crate::bridge::Bridge;
use crate::message::{
    CasesRequest, Compute, DevicePreference, Report, Request, SessionRequest, WorkerReport, WorkerRequest,
};
use crate::saved::FileLibrary;

/// The worker's loader, as named by the build, beside the page.
const WORKER: &str = "./worker_loader.js";

/// Sends requests to the worker, and starts a new one when it has died.
#[derive(Clone, Copy)]
pub struct Link {
    bridge: StoredValue<Option<Bridge>, LocalStorage>,
    /// The session's files as of the worker's last report: a new worker takes them over.
    library: StoredValue<FileLibrary, LocalStorage>,
    /// Requests that the worker has not acknowledged yet, oldest first.
    pending: StoredValue<VecDeque<Request>, LocalStorage>,
    /// What to compute on.
    compute: StoredValue<Compute>,
    state: State,
}

impl Link {
    /// Starts the worker; what it reports changes `state`.
    pub fn start(state: State) -> Self {
        let link = Self {
            bridge: StoredValue::new_local(None),
            library: StoredValue::new_local(FileLibrary::default()),
            pending: StoredValue::new_local(VecDeque::new()),
            compute: StoredValue::new(Compute {
                device: match asked("device").as_deref() {
                    Some("cpu") => DevicePreference::Cpu,
                    _ => DevicePreference::Gpu,
                },
                threads: asked("threads").and_then(|threads| threads.parse().ok()),
            }),
            state,
        };
        link.spawn();
        link
    }

    fn spawn(self) {
        // The previous worker ends here, if it has not died.
        self.bridge.set_value(None);
        match Bridge::spawn(WORKER, move |report| self.receive(report)) {
            Ok(bridge) => {
                bridge.send(&WorkerRequest::Open(self.compute.get_value()).into());
                self.bridge.set_value(Some(bridge));
            }
            Err(_) => {
                let reason = "the browser does not start it".to_owned();
                self.receive(WorkerReport::Died(reason).into());
            }
        }
    }

    fn receive(self, report: Report) {
        match report {
            Report::Worker(WorkerReport::Library(library)) => self.library.set_value(*library),
            Report::Worker(WorkerReport::Handled) => self.pending.update_value(|pending| drop(pending.pop_front())),
            report => panels::on_report(self.state, report),
        }
    }

    /// Sends a request.
    pub fn send(&self, request: impl Into<Request>) {
        let request = request.into();
        let brings = matches!(request, Request::Cases(CasesRequest::Add(_) | CasesRequest::AddSamples));
        if brings && self.state.session.found.read_untracked().is_some() {
            // New work begins, so the saved session is not offered any more.
            self.state.session.found.set(None);
            self.forward(SessionRequest::Forget);
        }
        self.forward(request);
    }

    fn forward(&self, request: impl Into<Request>) {
        let request = request.into();
        self.bridge.with_value(|bridge| {
            if let Some(bridge) = bridge {
                bridge.send(&request);
            }
        });
        self.pending.update_value(|pending| pending.push_back(request));
    }

    /// Switches to another device: a new worker takes over everything but a running task.
    pub fn compute_on(self, device: DevicePreference) {
        self.compute.update_value(|compute| compute.device = device);
        self.restart();
    }

    /// Starts a new worker in place of a dead one and hands it that one's files, the last weights and the pending
    /// requests.
    pub fn restart(self) {
        let Self { state, .. } = self;
        state.worker.engine.set(Engine::Starting);
        state.worker.replaying.set(true);
        state.progress.work.set(Work {
            phase: Phase::Idle,
            ..Work::default()
        });
        let mut undone = VecDeque::new();
        self.pending.update_value(|pending| undone = std::mem::take(pending));
        self.spawn();
        self.forward(WorkerRequest::Resume(Box::new(self.library.get_value())));
        self.forward(WorkerRequest::Flush);
        let weights = state.weights.info.get_untracked().zip(state.weights.file.get_value());
        if let Some((info, blob)) = weights {
            self.forward(CasesRequest::Add(files::from_blob(&info.file_name, &blob)));
        }
        undone.retain(Request::outlives_worker);
        for request in undone {
            self.forward(request);
        }
    }
}
