//! Training runs.

use medcontext_core::experiment::FoldCount;
use medcontext_core::train::{Event, StepTimes, TrainConfig};
use serde::{Deserialize, Serialize};

use super::{FoldReport, Handle};
use crate::platform::Blob;

/// Requests for a training run, or for some steps of one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum TrainingRequest {
    /// Train on these cases.
    Train {
        /// Settings of the run.
        config: Box<TrainConfig>,
        /// Ids of the labeled cases to train on.
        cases: Vec<String>,
        /// Ids of the labeled cases that are held out.
        validation: Vec<String>,
        /// Start from the current weights instead of from scratch.
        from_weights: bool,
        /// The case in view: it is segmented from time to time to preview the progress.
        viewed: Option<String>,
    },
    /// Time a few steps of such a run; their results are discarded.
    Rehearse {
        /// Settings of the run.
        config: Box<TrainConfig>,
        /// Ids of the labeled cases to train on.
        cases: Vec<String>,
    },
    /// Train on all but some of these cases and measure those, until each was held out once.
    CrossValidate {
        /// Settings of every run.
        config: Box<TrainConfig>,
        /// Ids of the labeled cases.
        cases: Vec<String>,
        /// How many folds they are divided into.
        folds: FoldCount,
    },
    /// Resume the training run whose state was saved.
    Resume {
        /// Ids of the labeled cases that are held out.
        validation: Vec<String>,
        /// The case in view, as in [`TrainingRequest::Train`].
        viewed: Option<String>,
    },
}

/// Reports about a training run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum TrainingReport {
    /// The trainer's own event; the weights of a checkpoint come as [`WeightsReport`](super::WeightsReport).
    Event(Event),
    /// How long a step takes: the answer to [`TrainingRequest::Rehearse`].
    Rehearsed(StepTimes),
    /// About a cross-validation.
    Fold(FoldReport),
    /// The current run's segmentation of the case in view.
    Preview {
        /// The case.
        case: String,
        /// Steps done.
        iteration: usize,
        /// The label map.
        file: Handle<Blob>,
    },
    /// The state of the run was saved: it can be resumed from there.
    Kept {
        /// Steps that it has done.
        iteration: usize,
    },
}
