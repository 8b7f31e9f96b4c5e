//! The line to the compute worker.

use std::collections::VecDeque;

use leptos::prelude::*;

use super::address::asked;
use super::panels::progress::{Phase, Work};
use super::panels::worker::Engine;
use super::state::State;
use super::{files, panels};
use crate::bridge::Bridge;
use crate::message::{CasesRequest, DevicePreference, Report, Request, SessionRequest, WorkerReport, WorkerRequest};
use crate::saved::FileLibrary;

/// The worker's loader, as the build names it, beside the page.
const WORKER: &str = "./worker_loader.js";

/// Sends requests to the worker, and starts a new one when it has died.
#[derive(Clone, Copy)]
pub struct Link {
    bridge: StoredValue<Option<Bridge>, LocalStorage>,
    /// What the session is made of, as the worker said last: a new one takes it over.
    library: StoredValue<FileLibrary, LocalStorage>,
    /// Requests that the worker has not said are done, the oldest first.
    pending: StoredValue<VecDeque<Request>, LocalStorage>,
    /// Where it is to compute.
    device: StoredValue<DevicePreference>,
    state: State,
}

impl Link {
    /// Starts the worker; what it reports changes `state`.
    pub fn start(state: State) -> Self {
        let link = Self {
            bridge: StoredValue::new_local(None),
            library: StoredValue::new_local(FileLibrary::default()),
            pending: StoredValue::new_local(VecDeque::new()),
            device: StoredValue::new(match asked("device").as_deref() {
                Some("cpu") => DevicePreference::Cpu,
                _ => DevicePreference::Gpu,
            }),
            state,
        };
        link.spawn();
        link
    }

    fn spawn(self) {
        // The one before ends here, if it has not died.
        self.bridge.set_value(None);
        match Bridge::spawn(WORKER, move |report| self.receive(report)) {
            Ok(bridge) => {
                bridge.send(&WorkerRequest::Open(self.device.get_value()).into());
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
            // Something new begins, in place of what was kept.
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

    /// Goes on on another device: a new worker there takes over everything but a task that runs.
    pub fn compute_on(self, device: DevicePreference) {
        self.device.set_value(device);
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
