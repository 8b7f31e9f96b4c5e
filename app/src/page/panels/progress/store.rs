//! The current task.

use leptos::prelude::*;

/// The long tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Training.
    Train,
    /// Segmentation.
    Predict,
    /// Timing a few training steps.
    Rehearse,
}

/// The state of the current or last task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing has run yet.
    #[default]
    Idle,
    /// It runs.
    Running,
    /// It is paused.
    Paused,
    /// It was asked to stop but has not stopped yet.
    Stopping,
    /// It reached its end.
    Done,
    /// It was stopped.
    Stopped,
    /// It failed.
    Failed,
}

/// The current task, or the last one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    /// Which task.
    pub task: Option<Task>,
    /// Its phase.
    pub phase: Phase,
    /// Steps or windows done.
    pub done: usize,
    /// Steps or windows in all; 0 while unknown.
    pub total: usize,
    /// Estimated wall time left in seconds.
    pub remaining_seconds: f64,
    /// What is going on.
    pub text: String,
    /// The first step or window is running on a GPU, which compiles its shaders during it.
    pub compiling: bool,
}

impl Work {
    /// A new task.
    pub fn begin(task: Task) -> Self {
        Self {
            task: Some(task),
            phase: Phase::Running,
            ..Self::default()
        }
    }

    /// Whether a task runs.
    pub fn busy(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Paused | Phase::Stopping)
    }

    /// Whether this task runs.
    pub fn runs(&self, task: Task) -> bool {
        self.busy() && self.task == Some(task)
    }
}

/// The page's state of it.
#[derive(Clone, Copy, Default)]
pub struct ProgressStore {
    /// The task.
    pub work: RwSignal<Work>,
}
