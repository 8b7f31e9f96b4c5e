//! The trainer's events. The command line, the page and the tests read nothing else.

use serde::{Deserialize, Serialize};

use crate::loss::Terms;

/// The terms of one step's loss.
pub type Losses = Terms<f64>;

/// Dice of one label on the validation cases, or of one region where the network learns regions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelDice {
    /// The label's value in the files; regions count from 1, as in evaluations.
    pub id: u16,
    /// The name of the label or region.
    pub name: String,
    /// Mean over the validation cases in which it is labeled or predicted; `None` if there are none.
    pub dice: Option<f64>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Which weights a checkpoint holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointKind {
    /// The newest weights.
    Last,
    /// The weights with the highest validation Dice so far.
    Best,
}

/// One event of a training run, in the order in which they happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The network is built and the cases are prepared.
    Started {
        /// Backbone name, as in the configuration.
        backbone: String,
        /// Trainable parameters.
        parameters: usize,
        /// Cases trained on.
        training_cases: usize,
        /// Cases without labels that are learned from too.
        #[serde(default, skip_serializing_if = "is_zero")]
        unlabeled_cases: usize,
        /// Cases held out for validation.
        validation_cases: usize,
        /// Iterations already done, in a resumed run.
        iteration: usize,
        /// Iterations the run will take.
        iterations: usize,
    },
    /// The first stage of a cascade is trained, and the second begins.
    SecondStage {
        /// Steps done so far.
        iteration: usize,
        /// Trainable parameters of the second stage.
        parameters: usize,
    },
    /// One optimizer step is done.
    Step {
        /// Steps done so far, from 1.
        iteration: usize,
        /// The loss and its terms, before this step's update.
        losses: Losses,
        /// Learning rate of this step.
        learning_rate: f64,
        /// EMA momentum of the teacher in this step; `None` without MedContext.
        momentum: Option<f64>,
        /// The loss scale, in f16; if it is halved in the next step, the loss or its gradients overflowed and this step
        /// was skipped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        loss_scale: Option<f64>,
        /// Wall time of this step.
        seconds: f64,
        /// The part of it that the step waited for its batch; prefetched batches cost little.
        loading_seconds: f64,
        /// Estimated wall time until the run ends.
        remaining_seconds: f64,
    },
    /// The student was evaluated on the validation cases.
    Validated {
        /// Steps done so far.
        iteration: usize,
        /// Mean Dice over what is reported (regions, the labels of
        /// [`TrainConfig::reported`](super::TrainConfig::reported), else all labels) and over cases.
        dice: f64,
        /// Dice of each learned label or region.
        labels: Vec<LabelDice>,
        /// Why cases could not be read this time and were left out, one sentence each.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left_out: Vec<String>,
        /// Whether this is the best so far.
        best: bool,
    },
    /// Weights to save.
    Checkpoint {
        /// Steps done so far.
        iteration: usize,
        /// Which weights.
        kind: CheckpointKind,
        /// The weights file (`.safetensors` with metadata). Left out of logs.
        #[serde(skip)]
        weights: Vec<u8>,
    },
    /// The run has ended.
    Finished {
        /// Steps done.
        iteration: usize,
        /// Whether it was stopped before its last iteration.
        stopped: bool,
        /// Highest validation Dice, where there was validation.
        best_dice: Option<f64>,
        /// Wall time of the whole run, without pauses.
        seconds: f64,
    },
}
