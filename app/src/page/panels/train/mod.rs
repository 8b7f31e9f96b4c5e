//! Training: settings, what a run will cost, and how it goes.

mod dice_chart;
mod estimate;
mod folds;
mod form;
mod loss_chart;
mod network;
mod preparation;
mod reports;
mod settings;
mod store;
mod view;

pub use reports::on_report;
pub use store::{Preview, TrainStore};
pub use view::Train;
