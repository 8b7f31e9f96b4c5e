//! The current weights, and those that come with the page.

mod bundled;
mod registry;
mod store;
mod view;

pub use bundled::Bundled;
pub use store::WeightsStore;
pub use view::Weights;
