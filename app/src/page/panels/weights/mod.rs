//! The current weights, and those that come with the page.

mod bundled;
mod registry;
mod reports;
mod store;
mod view;

pub use bundled::Bundled;
pub use reports::on_report;
pub use store::WeightsStore;
pub use view::{Save, Weights};
