//! Cross-validation.

use medcontext_core::experiment::FoldSummary;
use serde::{Deserialize, Serialize};

/// Reports about a cross-validation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum FoldReport {
    /// A fold begins.
    Began {
        /// Its number, from 1.
        number: usize,
        /// Folds in all.
        folds: usize,
        /// The cases that are held out.
        held_out: Vec<String>,
    },
    /// A training step of a fold is done.
    Step {
        /// The fold's number, from 1.
        number: usize,
        /// Its steps so far.
        iteration: usize,
        /// Wall time of this step.
        seconds: f64,
        /// Estimated wall time until the last fold is done, in seconds.
        remaining_seconds: f64,
    },
    /// A fold is done: what the folds so far show.
    Measured(Box<FoldSummary>),
}
