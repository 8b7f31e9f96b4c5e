//! The trainer and its events.

mod budget;
mod cases;
mod config;
mod event;
mod learner;
mod loss;
mod loss_scale;
mod optimizer;
mod overlay;
mod precision;
mod replica;
mod schedule;
mod start;
mod state;
mod trainer;
mod validation;

pub use cases::{HeldOut, ReadCase, TrainingSet, prepare};
pub use config::TrainConfig;
pub use event::{CheckpointKind, Event, LabelDice, Losses};
pub use loss::{Activation, DiceCe, Target};
pub use loss_scale::LossScale;
pub use optimizer::{Optimizer, OptimizerLaw};
pub(crate) use overlay::merge;
pub use overlay::overlay;
pub use precision::MixedPrecision;
pub use schedule::{RateSchedule, Warmup, poly, warmup_cosine};
pub use start::Start;
pub use state::RunState;
pub use trainer::Trainer;
