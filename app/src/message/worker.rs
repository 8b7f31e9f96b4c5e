//! The worker itself: its device, its end, and how another takes over.

use serde::{Deserialize, Serialize};

use crate::saved::FileLibrary;

/// Where someone wants the numbers to be computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DevicePreference {
    /// On the GPU, if there is one.
    #[default]
    Gpu,
    /// On the CPU in any case.
    Cpu,
}

/// Where the numbers are computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Device {
    /// On a GPU through WebGPU.
    WebGpu {
        /// The adapter.
        name: String,
        /// Bytes of the largest tensor that it takes.
        largest_tensor: u64,
    },
    /// On one CPU thread.
    Cpu {
        /// Why not on a GPU; nothing if that was wanted.
        reason: Option<String>,
    },
}

/// What the page asks of the worker itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum WorkerRequest {
    /// Open the compute device. The first request to every worker.
    Open(DevicePreference),
    /// Take over what another worker held.
    Resume(Box<FileLibrary>),
    /// Say [`WorkerReport::Flushed`] when everything before this is done.
    Flush,
}

/// What the worker says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum WorkerReport {
    /// The compute device is open.
    Ready(Device),
    /// What the session is made of has changed.
    Library(Box<FileLibrary>),
    /// The oldest request that this was not said of is done, or runs as a task.
    Handled,
    /// Everything before [`WorkerRequest::Flush`] is done.
    Flushed,
    /// A file cannot be used, or something asked for cannot be done: one sentence.
    Problem(String),
    /// The worker is about to die (a lost device, no memory): what happened.
    Died(String),
}
