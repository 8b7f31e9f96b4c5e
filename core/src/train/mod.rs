//! The trainer and its events.

mod budget;
mod cases;
mod config;
mod event;
mod learner;
mod loss_scale;
mod network_choice;
mod optimizer;
mod overlay;
mod precision;
mod random_streams;
mod replica;
mod schedule;
mod start;
mod state;
mod trainer;
mod validation;

pub use cases::{HeldOut, ReadCase, TrainingSet, prepare};
pub use config::TrainConfig;
pub use event::{CheckpointKind, Event, LabelDice, Losses};
pub use loss_scale::LossScale;
pub use network_choice::NetworkChoice;
pub use optimizer::{Optimizer, OptimizerKind};
pub(crate) use overlay::merge;
pub use overlay::overlay;
pub use precision::MixedPrecision;
pub use schedule::{RateSchedule, Warmup, poly, warmup_cosine};
pub use start::Start;
pub use state::RunState;
pub use trainer::Trainer;
