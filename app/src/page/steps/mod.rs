//! The steps of the work, one visible at a time: cases, training, segmentation, measuring, what one takes away.

mod missing;
mod panel;
mod step;
mod store;
mod tabs;

pub use panel::Panel;
pub use step::Step;
pub use store::StepsStore;
pub use tabs::Tabs;
