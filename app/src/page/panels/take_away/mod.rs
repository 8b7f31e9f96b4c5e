//! Exports: tables, a report, everything as one file.

mod files;
mod reports;
mod view;

pub use reports::on_report;
pub use view::TakeAway;
