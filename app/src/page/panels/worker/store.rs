//! The compute worker's condition.

use leptos::prelude::*;

use crate::message::Device;

/// The compute worker's condition.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Engine {
    /// It is loading or opening its device.
    #[default]
    Starting,
    /// It computes there.
    Ready(Device),
    /// It died; a new one can be started.
    Dead,
}

/// What the page knows of the worker.
#[derive(Clone, Copy, Default)]
pub struct WorkerStore {
    /// Its condition.
    pub engine: RwSignal<Engine>,
    /// Whether a new worker is reading what a dead one knew: nothing has changed then.
    pub replaying: RwSignal<bool>,
}

impl WorkerStore {
    /// Whether it can be given work.
    pub fn is_ready(&self) -> bool {
        matches!(*self.engine.read(), Engine::Ready(_))
    }

    /// Whether it computes on a GPU, as things stand.
    pub fn on_gpu(&self) -> bool {
        matches!(*self.engine.read_untracked(), Engine::Ready(Device::WebGpu { .. }))
    }
}
