//! The worker itself: its device, its end, and how another takes over.

use serde::{Deserialize, Serialize};

use crate::saved::FileLibrary;

/// The user's preferred compute device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DevicePreference {
    /// The GPU, if there is one.
    #[default]
    Gpu,
    /// Always the CPU.
    Cpu,
}

/// The compute device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Device {
    /// A GPU through WebGPU.
    WebGpu {
        /// The adapter.
        name: String,
        /// Size of its largest tensor in bytes.
        largest_tensor: u64,
    },
    /// The CPU.
    Cpu {
        /// Why it is not a GPU; `None` if the CPU was preferred.
        reason: Option<String>,
        /// Threads that share a task.
        threads: usize,
    },
}

/// What to compute on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compute {
    /// The device.
    pub device: DevicePreference,
    /// Threads of the CPU; `None` for as many as there are cores.
    pub threads: Option<usize>,
}

/// Requests about the worker itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum WorkerRequest {
    /// Open the compute device. The first request to every worker.
    Open(Compute),
    /// Take over what another worker held.
    Resume(Box<FileLibrary>),
    /// Send [`WorkerReport::Flushed`] when everything before this is done.
    Flush,
}

/// Reports about the worker itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum WorkerReport {
    /// The compute device is open.
    Ready(Device),
    /// So many threads share the task that begins.
    Threads(usize),
    /// The session's files have changed.
    Library(Box<FileLibrary>),
    /// The oldest request not yet acknowledged is done, or runs as a task.
    Handled,
    /// Everything before [`WorkerRequest::Flush`] is done.
    Flushed,
    /// A file cannot be used, or something asked for cannot be done: one sentence.
    Problem(String),
    /// The worker is about to die (a lost device, no memory): what happened.
    Died(String),
}
