//! The long task at hand: how far it is, and what stops it.

mod reports;
mod store;
mod view;

pub use reports::on_report;
pub use store::{Phase, ProgressStore, Task, Work};
pub use view::Progress;
