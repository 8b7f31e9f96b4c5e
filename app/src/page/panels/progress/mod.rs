//! The current task: its progress, and how to stop it.

mod reports;
mod store;
mod view;

pub use reports::on_report;
pub use store::{Phase, ProgressStore, Task, Work};
pub use view::Progress;
