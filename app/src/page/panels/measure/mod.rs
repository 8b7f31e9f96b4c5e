//! Quality of the segmentations of labeled cases.

mod evaluation;
mod view;

pub use evaluation::{evaluation, remember_before};
pub use view::Measure;
