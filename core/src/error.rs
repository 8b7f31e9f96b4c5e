//! The crate's error: one sentence that names the file, what is wrong and what to do.

use crate::dataset::DatasetError;
use crate::infer::EnsembleError;
use crate::metric::EvaluationError;
use crate::plan::PlanError;
use crate::volume::VolumeError;
use crate::weights::WeightsError;

/// Anything that can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A volume file that cannot be used.
    #[error("{file}: {source}")]
    Volume {
        /// The file's name as the user gave it.
        file: String,
        /// What is wrong with it.
        source: VolumeError,
    },
    /// A file that cannot be read.
    #[error("{file} cannot be read ({problem}); check the path and its permissions")]
    Unreadable {
        /// The file's name as the user gave it.
        file: String,
        /// What the system says.
        problem: String,
    },
    /// A set of cases that cannot be used.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A set of cases that cannot be planned for.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Parts of an evaluation that cannot be merged.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
    /// A weights file that cannot be used.
    #[error("the weights {0}")]
    Weights(#[from] WeightsError),
    /// Networks that cannot segment together.
    #[error(transparent)]
    Ensemble(#[from] EnsembleError),
    /// Settings that cannot work.
    #[error("{0}")]
    Config(String),
    /// A device that cannot be used.
    #[error("the device {kind} cannot be used: {problem}; {remedy}")]
    Device {
        /// Its name.
        kind: String,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// Training diverged.
    #[error(
        "the loss became NaN or infinite at step {step}; the last checkpoint is still good: lower the \
         learning rate, set clip_norm, or switch mixed_precision off"
    )]
    Diverged {
        /// The step, from 1.
        step: usize,
    },
    /// A message between instances of the program that is not what they agreed on.
    #[error("{0}; reload the page so that all of its workers are of one build")]
    Pool(String),
    /// The device stopped answering.
    #[error("the device failed while {0}; try a smaller patch or batch, or another device")]
    Lost(String),
}

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
