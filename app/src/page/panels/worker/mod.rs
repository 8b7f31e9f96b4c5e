//! The compute worker: its device, its reports, and recovery when it has died.

mod reports;
mod store;
mod view;

pub use reports::on_report;
pub use store::{Engine, WorkerStore};
pub use view::{DeviceChip, Messages};
