//! The line to the compute worker.

use std::collections::VecDeque;

use gloo_worker::{Spawnable, WorkerBridge};
use leptos::prelude::*;

use super::address::asked;
use super::panels::progress::{Phase, Work};
use super::panels::worker::Engine;
use super::state::State;
use super::{files, panels};
use crate::message::{
    CasesRequest, Library, Report, Request, SessionRequest, Structured, Wish, WorkerReport,
    WorkerRequest,
};
use crate::worker::Compute;

/// The worker's loader, as the build names it, beside the page.
const WORKER: &str = "./worker_loader.js";

/// Sends requests to the worker, and starts a new one when it has died.
#[derive(Clone, Copy)]
pub struct Link {
    bridge: StoredValue<Option<WorkerBridge<Compute>>, LocalStorage>,
    /// What the session is made of, as the worker said last: a new one takes it over.
    library: StoredValue<Library, LocalStorage>,
    /// Requests that the worker has not said are done, the oldest first.
    pending: StoredValue<VecDeque<Request>, LocalStorage>,
    /// Where it is to compute.
    wish: StoredValue<Wish>,
    state: State,
}

impl Link {
    /// Starts the worker; what it reports changes `state`.
    pub fn start(state: State) -> Self {
        let link = Self {
            bridge: StoredValue::new_local(None),
            library: StoredValue::new_local(Library::default()),
            pending: StoredValue::new_local(VecDeque::new()),
            wish: StoredValue::new(match asked("device").as_deref() {
                Some("cpu") => Wish::Cpu,
                _ => Wish::Gpu,
            }),
            state,
        };
        link.spawn();
        link
    }

    fn spawn(self) {
        let bridge = Compute::spawner()
            .callback(move |report: Report| self.receive(report))
            .encoding::<Structured>()
            .with_loader(true)
            .spawn(WORKER);
        bridge.send(WorkerRequest::Open(self.wish.get_value()).into());
        self.bridge.set_value(Some(bridge));
    }

    fn receive(self, report: Report) {
        match report {
            Report::Worker(WorkerReport::Library(library)) => self.library.set_value(*library),
            Report::Worker(WorkerReport::Handled) => self
                .pending
                .update_value(|pending| drop(pending.pop_front())),
            report => panels::on_report(self.state, report),
        }
    }

    /// Sends a request.
    pub fn send(&self, request: impl Into<Request>) {
        let request = request.into();
        let brings = matches!(
            request,
            Request::Cases(CasesRequest::Add(_) | CasesRequest::AddSamples)
        );
        if brings && self.state.session.found.read_untracked().is_some() {
            // Something new begins, in place of what was kept.
            self.state.session.found.set(None);
            self.forward(SessionRequest::Forget);
        }
        self.forward(request);
    }

    fn forward(&self, request: impl Into<Request>) {
        let request = request.into();
        self.pending
            .update_value(|pending| pending.push_back(request.clone()));
        self.bridge.with_value(|bridge| {
            if let Some(bridge) = bridge {
                bridge.send(request);
            }
        });
    }

    /// Goes on on another device: a new worker there takes over everything but a task that runs.
    pub fn compute_on(self, wish: Wish) {
        self.wish.set_value(wish);
        self.bridge.with_value(|bridge| {
            if let Some(bridge) = bridge {
                bridge.send(WorkerRequest::Close.into());
            }
        });
        self.restart();
    }

    /// Starts a new worker in place of a dead one and hands it what that one held, the last weights, and what it
    /// did not get to.
    pub fn restart(self) {
        let Self { state, .. } = self;
        state.worker.engine.set(Engine::Starting);
        state.worker.replaying.set(true);
        state.progress.work.set(Work {
            phase: Phase::Idle,
            ..Work::default()
        });
        let mut undone = VecDeque::new();
        self.pending
            .update_value(|pending| undone = std::mem::take(pending));
        self.spawn();
        self.forward(WorkerRequest::Resume(Box::new(self.library.get_value())));
        self.forward(WorkerRequest::Settle);
        let weights = state
            .weights
            .info
            .get_untracked()
            .zip(state.weights.file.get_value());
        if let Some((info, blob)) = weights {
            self.forward(CasesRequest::Add(files::from_blob(&info.file_name, &blob)));
        }
        undone.retain(Request::outlives_worker);
        for request in undone {
            self.forward(request);
        }
    }
}
