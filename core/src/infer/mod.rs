//! Sliding-window inference with a trained network.

mod event;
mod predictor;
mod window;

pub use event::{Blend, Event, LabelVolume, PredictConfig, Segmentation};
pub use predictor::{Predictor, Run};
pub use window::{Windows, importance};
