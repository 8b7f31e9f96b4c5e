//! Training runs.

use medcontext_core::train::{Event, StepTimes, TrainConfig};
use serde::{Deserialize, Serialize};

use super::Handle;
use crate::platform::Blob;

/// A training run that the page asks for; or some steps of one.
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
        /// Start from the weights at hand instead of from scratch.
        from_weights: bool,
        /// The case in view: it is segmented from time to time, so that one sees the network learn.
        viewed: Option<String>,
    },
    /// Take a few steps of such a run, to see how long one takes; nothing of it is kept.
    Rehearse {
        /// Settings of the run.
        config: Box<TrainConfig>,
        /// Ids of the labeled cases to train on.
        cases: Vec<String>,
    },
    /// Go on with the training run whose state was kept.
    Resume {
        /// Ids of the labeled cases that are held out.
        validation: Vec<String>,
        /// The case in view, as in [`TrainingRequest::Train`].
        viewed: Option<String>,
    },
}

/// What the worker says of a training run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum TrainingReport {
    /// Settings that suit the labeled cases.
    Suggested(Box<TrainConfig>),
    /// The trainer's own event; the weights of a checkpoint come as [`WeightsReport`](super::WeightsReport).
    Event(Event),
    /// How long a step takes: the answer to [`TrainingRequest::Rehearse`].
    Rehearsed(StepTimes),
    /// What the run under way makes of the case in view.
    Preview {
        /// The case.
        case: String,
        /// Steps done.
        iteration: usize,
        /// The label map.
        file: Handle<Blob>,
    },
    /// The state of the run was kept: it can go on from there.
    Kept {
        /// Steps that it has done.
        iteration: usize,
    },
}
