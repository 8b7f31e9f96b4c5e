//! Sliding-window inference with a trained network.

mod blend;
mod components;
mod event;
mod files;
mod flips;
mod predictor;
mod uncertainty;
mod window;

pub use components::keep_largest_components;
pub use event::{Blend, Event, LabelVolume, PredictConfig, Segmentation};
pub use files::{
    LOGITS_ENDING, SEGMENTATION_ENDING, UNCERTAINTY_ENDING, UNCERTAINTY_SUFFIX, label_file, logits_file, logits_name,
    segmentation_name, uncertainty_file,
};
pub use flips::mean_over_flips;
pub use predictor::{Predictor, Run};
pub use uncertainty::{Spot, Uncertainty};
pub use window::{Windows, importance};
