//! The compute worker's condition.

use leptos::prelude::*;

use crate::message::Device;

/// The compute worker's condition.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Engine {
    /// It is loading or opening its device.
    #[default]
    Starting,
    /// It is ready, on this device.
    Ready(Device),
    /// It died; a new one can be started.
    Dead,
}

/// The page's state of the worker.
#[derive(Clone, Copy, Default)]
pub struct WorkerStore {
    /// Its condition.
    pub engine: RwSignal<Engine>,
    /// Whether a new worker is reading a dead one's files: this changes nothing for the page.
    pub replaying: RwSignal<bool>,
}

impl WorkerStore {
    /// Whether it accepts work.
    pub fn is_ready(&self) -> bool {
        matches!(*self.engine.read(), Engine::Ready(_))
    }

    /// Whether it currently computes on a GPU.
    pub fn on_gpu(&self) -> bool {
        matches!(*self.engine.read_untracked(), Engine::Ready(Device::WebGpu { .. }))
    }
}
