//! The worker itself: its device, its end, and how another takes over.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use web_sys::Blob;

use super::Handle;
use crate::saved::Choices;

/// Where someone wants the numbers to be computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
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

/// All that a session is made of: the files that came in, and what was decided about them. The worker works with
/// nothing else, and tells the page whenever it has changed, so that a worker that takes over can be given it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Library {
    /// Every volume, by path.
    pub files: BTreeMap<String, Handle<Blob>>,
    /// Paths of files that are no volumes and of no use here, so that they can be named.
    pub strangers: BTreeSet<String>,
    /// Label maps that were drawn or mended here, by case: they come before those found by name.
    pub drawn: BTreeMap<String, String>,
    /// The newest dataset.json: its path, and a file that no other program changes.
    pub dataset_json: Option<(String, Handle<Blob>)>,
    /// What was decided by hand.
    pub choices: Choices,
    /// Paths of volumes that are not in the browser's storage yet, in the order in which they came.
    pub unkept: VecDeque<String>,
}

/// What the page asks of the worker itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum WorkerRequest {
    /// Open the compute device. The first request to every worker.
    Open(Wish),
    /// End: another worker takes over.
    Close,
    /// Take over what another worker held.
    Resume(Box<Library>),
    /// Say [`WorkerReport::Settled`] when everything before this is done.
    Settle,
}

/// What the worker says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum WorkerReport {
    /// The compute device is open.
    Ready(Device),
    /// What the session is made of has changed.
    Library(Box<Library>),
    /// The oldest request that this was not said of is done, or runs as a task.
    Handled,
    /// Everything before [`WorkerRequest::Settle`] is done.
    Settled,
    /// A file cannot be used, or something asked for cannot be done: one sentence.
    Problem(String),
    /// The worker is about to die (a lost device, no memory): what happened.
    Died(String),
}
