//! The long task at hand.

use leptos::prelude::*;

/// The two long tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Training.
    Train,
    /// Segmentation.
    Predict,
    /// A few steps of training, for their time.
    Rehearse,
}

/// What became of the last task, or that it still runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing has run yet.
    #[default]
    Idle,
    /// It runs.
    Running,
    /// It waits until it may go on.
    Paused,
    /// It was asked to stop and has not yet.
    Stopping,
    /// It reached its end.
    Done,
    /// It was stopped.
    Stopped,
    /// It failed.
    Failed,
}

/// The long task at hand, or the last one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    /// Which.
    pub task: Option<Task>,
    /// Where it stands.
    pub phase: Phase,
    /// Steps or windows done.
    pub done: usize,
    /// Steps or windows in all; 0 while unknown.
    pub total: usize,
    /// Estimated wall time left in seconds.
    pub remaining_seconds: f64,
    /// What is going on.
    pub text: String,
    /// The first step or window is under way on a GPU, which compiles its shaders then.
    pub compiling: bool,
}

impl Work {
    /// A task that begins.
    pub fn begin(task: Task) -> Self {
        Self {
            task: Some(task),
            phase: Phase::Running,
            ..Self::default()
        }
    }

    /// Whether something runs.
    pub fn busy(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Paused | Phase::Stopping)
    }

    /// Whether this task runs.
    pub fn runs(&self, task: Task) -> bool {
        self.busy() && self.task == Some(task)
    }
}

/// What the page knows of it.
#[derive(Clone, Copy, Default)]
pub struct ProgressStore {
    /// The task.
    pub work: RwSignal<Work>,
}
