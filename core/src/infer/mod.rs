//! Sliding-window inference with a trained network.
//!
//! The weights that come with the page segment a synthetic scan, on the scan's own grid:
//!
//! ```
//! use medcontext_core::dataset::{PhantomConfig, phantom};
//! use medcontext_core::device::{DeviceKind, open};
//! use medcontext_core::infer::{Event, PredictConfig, Predictor};
//! use medcontext_core::volume::{Image, Limits};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let made = phantom(&PhantomConfig { cases: 1, seed: 0, voxels: (24, 32) });
//! let image = Image::read(&made[0].image, &Limits::default())?;
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))?;
//! let weights = std::fs::read("public/models/abdomen.safetensors")?;
//! let segmentation = futures::executor::block_on(async {
//!     let device = open(DeviceKind::Cpu).await?.device;
//!     let predictor = Predictor::load(&weights, &device)?;
//!     let mut run = predictor.start(&image, PredictConfig::default())?;
//!     let mut found = None;
//!     while let Some(event) = run.next().await? {
//!         if let Event::Finished { segmentation, .. } = event {
//!             found = Some(segmentation);
//!         }
//!     }
//!     Ok::<_, medcontext_core::Error>(found)
//! })?;
//! let segmentation = segmentation.ok_or("no result")?;
//! assert_eq!(segmentation.labels.grid(), image.grid());
//! assert_eq!(segmentation.volumes[0].name, "liver");
//! assert!(segmentation.volumes[0].milliliters > 0.0);
//! # Ok(())
//! # }
//! ```

mod accumulator;
mod ahead;
mod blend;
mod ensemble;
mod event;
mod files;
mod holes;
mod mirror;
mod overrides;
mod pooled;
mod post_processing;
mod predictor;
mod run;
mod uncertainty;
mod window;

pub use ensemble::EnsembleError;
pub use event::{Event, LabelVolume, PredictConfig, Segmentation};
pub use files::{
    DISAGREEMENT_ENDING, DISAGREEMENT_SUFFIX, LOGITS_ENDING, SEGMENTATION_ENDING, UNCERTAINTY_ENDING,
    UNCERTAINTY_SUFFIX, label_file, logits_file, logits_name, segmentation_name, uncertainty_file,
};
pub use mirror::mirror_tta;
pub use overrides::InferenceOverrides;
pub(crate) use pooled::WindowServer;
pub use predictor::Predictor;
pub use run::Run;
pub use uncertainty::{Spot, Uncertainty};
pub use window::{Windows, importance};

pub use crate::weights::{Blend, Inference, PostProcessing};
