//! Segmentation: which cases, and the results.

mod options;
mod reports;
mod results;
mod store;
mod view;

pub use reports::{on_end, on_report};
pub use store::SegmentStore;
pub use view::Segment;
