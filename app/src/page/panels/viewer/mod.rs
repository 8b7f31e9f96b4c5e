//! The viewer and its controls.

pub mod displayed;
mod follow;
mod legend;
mod look;
mod overlay;
mod reports;
mod store;
mod view;

pub use reports::on_report;
pub use store::{Overlay, ViewerStore};
pub use view::Stage;
