//! The line to the compute worker.

use gloo_worker::{Spawnable, WorkerBridge};
use leptos::prelude::*;

use super::address::asked;
use super::state::{Engine, Phase, State, Work};
use super::{files, reports};
use crate::message::{Report, Request, Structured, Wish};
use crate::worker::Compute;

/// The worker's loader, as the build names it, beside the page.
const WORKER: &str = "./worker_loader.js";

/// Sends requests to the worker, and starts a new one when it has died.
#[derive(Clone, Copy)]
pub struct Link {
    bridge: StoredValue<Option<WorkerBridge<Compute>>, LocalStorage>,
    /// Which files came and went: what a new worker has to be told.
    history: StoredValue<Vec<Request>, LocalStorage>,
    /// Where it is to compute.
    wish: StoredValue<Wish>,
    state: State,
}

impl Link {
    /// Starts the worker; what it reports changes `state`.
    pub fn start(state: State) -> Self {
        let link = Self {
            bridge: StoredValue::new_local(None),
            history: StoredValue::new_local(Vec::new()),
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
        let Self { state, .. } = self;
        let bridge = Compute::spawner()
            .callback(move |report: Report| reports::apply(state, report))
            .encoding::<Structured>()
            .with_loader(true)
            .spawn(WORKER);
        bridge.send(Request::Open(self.wish.get_value()));
        self.bridge.set_value(Some(bridge));
    }

    /// Sends a request.
    pub fn send(&self, request: Request) {
        let brings = matches!(request, Request::Add(_) | Request::AddSamples);
        if brings && self.state.found.read_untracked().is_some() {
            // Something new begins, in place of what was kept.
            self.state.found.set(None);
            self.forward(Request::Forget);
        }
        if brings
            || matches!(
                request,
                Request::Remove { .. }
                    | Request::Restore
                    | Request::Label { .. }
                    | Request::Mend { .. }
            )
        {
            self.history
                .update_value(|history| history.push(request.clone()));
        }
        self.forward(request);
    }

    fn forward(&self, request: Request) {
        self.bridge.with_value(|bridge| {
            if let Some(bridge) = bridge {
                bridge.send(request);
            }
        });
    }

    /// Goes on on another device: a new worker there takes over everything but a task that runs.
    pub fn compute_on(self, wish: Wish) {
        self.wish.set_value(wish);
        self.forward(Request::Close);
        self.restart();
    }

    /// Starts a new worker in place of a dead one and hands it the same files, and the last weights.
    pub fn restart(self) {
        let Self { state, .. } = self;
        state.engine.set(Engine::Starting);
        state.replaying.set(true);
        state.work.set(Work {
            phase: Phase::Idle,
            ..Work::default()
        });
        self.spawn();
        for request in self.history.get_value() {
            self.forward(request);
        }
        self.forward(Request::Settle);
        let weights = state
            .weights
            .get_untracked()
            .zip(state.weights_file.get_value());
        if let Some((info, blob)) = weights {
            self.forward(Request::Add(files::from_blob(&info.file_name, &blob)));
        }
    }
}
