//! The line to the compute worker.

use std::collections::VecDeque;

use gloo_worker::{Spawnable, WorkerBridge};
use leptos::prelude::*;

use super::address::asked;
use super::state::{Engine, Phase, State, Work};
use super::{files, reports};
use crate::message::{Library, Report, Request, Structured, Wish};
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
        bridge.send(Request::Open(self.wish.get_value()));
        self.bridge.set_value(Some(bridge));
    }

    fn receive(self, report: Report) {
        match report {
            Report::Library(library) => self.library.set_value(*library),
            Report::Handled => self
                .pending
                .update_value(|pending| drop(pending.pop_front())),
            report => reports::apply(self.state, report),
        }
    }

    /// Sends a request.
    pub fn send(&self, request: Request) {
        let brings = matches!(request, Request::Add(_) | Request::AddSamples);
        if brings && self.state.found.read_untracked().is_some() {
            // Something new begins, in place of what was kept.
            self.state.found.set(None);
            self.forward(Request::Forget);
        }
        self.forward(request);
    }

    fn forward(&self, request: Request) {
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
                bridge.send(Request::Close);
            }
        });
        self.restart();
    }

    /// Starts a new worker in place of a dead one and hands it what that one held, the last weights, and what it
    /// did not get to.
    pub fn restart(self) {
        let Self { state, .. } = self;
        state.engine.set(Engine::Starting);
        state.replaying.set(true);
        state.work.set(Work {
            phase: Phase::Idle,
            ..Work::default()
        });
        let mut undone = VecDeque::new();
        self.pending
            .update_value(|pending| undone = std::mem::take(pending));
        self.spawn();
        self.forward(Request::Resume(Box::new(self.library.get_value())));
        self.forward(Request::Settle);
        let weights = state
            .weights
            .get_untracked()
            .zip(state.weights_file.get_value());
        if let Some((info, blob)) = weights {
            self.forward(Request::Add(files::from_blob(&info.file_name, &blob)));
        }
        undone.retain(Request::outlives_worker);
        for request in undone {
            self.forward(request);
        }
    }
}
