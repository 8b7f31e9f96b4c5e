//! The trainer and its events.

mod config;
mod event;
mod loss;
mod overlay;
mod schedule;
mod trainer;
mod validation;

pub use config::TrainConfig;
pub use event::{CheckpointKind, Event, LabelDice, Losses};
pub use loss::{DiceCe, Target};
pub use overlay::overlay;
pub use schedule::{Warmup, warmup_cosine};
pub use trainer::Trainer;
