//! The long task that runs: training or segmentation.

use serde::{Deserialize, Serialize};

/// What the page asks of the task that runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum TaskRequest {
    /// End it, keeping what it has.
    Stop,
    /// Let it wait, or go on.
    Pause(bool),
}

/// What the worker says of a task, whichever it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum TaskReport {
    /// It has ended.
    Ended {
        /// It was stopped before its end.
        stopped: bool,
        /// What went wrong, if something did: one sentence.
        failure: Option<String>,
    },
}
