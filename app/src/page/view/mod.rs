//! The parts of the page, one file each.

mod case_list;
mod cases;
mod chart;
mod displayed;
mod edit;
mod estimate;
mod frame;
mod help;
mod leftovers;
mod legend;
mod look;
mod measure;
mod models;
mod network;
mod pairing;
mod picture;
mod predict;
mod progress;
mod series;
mod stage;
mod take_away;
mod train;
mod validation;
mod welcome;

pub use cases::Cases;
pub use frame::{Footer, Header, Messages, Window};
pub use predict::Predict;
pub use progress::Progress;
pub use stage::Stage;
pub use train::Train;
pub use welcome::Welcome;
