//! The trainer and its events.
//!
//! Three steps of a small network on two synthetic scans:
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use medcontext_core::backbone::{Backbone, Size};
//! use medcontext_core::dataset::{Case, LabelSet, PhantomConfig, phantom};
//! use medcontext_core::device::{DeviceKind, open};
//! use medcontext_core::train::{Event, NetworkChoice, Start, TrainConfig, Trainer};
//! use medcontext_core::volume::{Image, LabelImage, Limits};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut cases = Vec::new();
//! for made in phantom(&PhantomConfig { cases: 2, voxels: (16, 20), ..PhantomConfig::default() }) {
//!     let image = Image::read(&made.image, &Limits::default())?;
//!     let label = LabelImage::from_image(Image::read(&made.label, &Limits::default())?)?;
//!     cases.push(Case::new(&made.name, image, Some(label))?);
//! }
//! let labels = LabelSet::from_cases(&cases, &BTreeMap::new())?;
//! let config = TrainConfig {
//!     network: NetworkChoice::named(Backbone::Pcrlv2, Size::Tiny),
//!     patch: [16; 3],
//!     iterations: 3,
//!     batch_size: 1,
//!     ..TrainConfig::default()
//! };
//! let losses = futures::executor::block_on(async {
//!     let device = open(DeviceKind::Cpu).await?.device;
//!     let mut trainer = Trainer::new(config, cases, Vec::new(), labels, Start::Scratch, &device)?;
//!     let mut losses = Vec::new();
//!     while let Some(event) = trainer.next().await? {
//!         if let Event::Step { losses: terms, .. } = event {
//!             losses.push(terms.total);
//!         }
//!     }
//!     Ok::<_, medcontext_core::Error>(losses)
//! })?;
//! assert_eq!(losses.len(), 3);
//! # Ok(())
//! # }
//! ```

mod agreement;
mod budget;
mod cases;
mod config;
mod event;
mod flat;
mod learner;
mod loss_scale;
mod network_choice;
mod optimizer;
mod overlay;
mod pooled;
mod precision;
mod random_streams;
mod rehearsal;
mod replica;
mod restoration;
mod schedule;
mod start;
mod state;
mod student;
mod trainer;
mod validation;

pub use agreement::Agreement;
pub use cases::{HeldOut, ReadCase, TrainingSet, prepare};
pub use config::TrainConfig;
pub use event::{CheckpointKind, Event, LabelDice, Losses};
pub use loss_scale::LossScale;
pub use network_choice::NetworkChoice;
pub use optimizer::{Optimizer, OptimizerKind};
pub(crate) use overlay::merge;
pub use overlay::{overlay, parse_toml};
pub use pooled::PoolServer;
pub use precision::MixedPrecision;
pub use rehearsal::{StepTimes, rehearse};
pub use restoration::Restoration;
pub use schedule::{RateSchedule, Warmup, poly, warmup_cosine};
pub use start::Start;
pub use state::RunState;
pub use trainer::Trainer;
