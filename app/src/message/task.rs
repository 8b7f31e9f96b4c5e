//! The running task: training or segmentation.

use serde::{Deserialize, Serialize};

/// Requests about the running task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum TaskRequest {
    /// Stop it, keeping its results so far.
    Stop,
    /// Pause or continue.
    Pause(bool),
}

/// Reports about any task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum TaskReport {
    /// It has ended.
    Ended {
        /// It was stopped before its end.
        stopped: bool,
        /// What went wrong, if anything: one sentence.
        failure: Option<String>,
    },
}
