//! The parts of the page, one file each.

mod cases;
mod chart;
mod frame;
mod legend;
mod network;
mod predict;
mod progress;
mod stage;
mod train;

pub use cases::Cases;
pub use frame::{Footer, Header, Messages, Window};
pub use predict::Predict;
pub use progress::Progress;
pub use stage::Stage;
pub use train::Train;
