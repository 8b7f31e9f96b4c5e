//! How good the segmentations are, where the truth is known.

mod evaluation;
mod view;

pub use evaluation::{evaluation, remember_before};
pub use view::Measure;
