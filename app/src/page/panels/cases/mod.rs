//! Cases: the dropped files, and the cases that they form.

mod intake;
mod labeled;
mod leftovers;
mod list;
mod pairing;
mod picture;
mod reports;
mod series;
mod store;
mod table;
mod view;

pub use reports::on_report;
pub use store::{Case, CaseResult, CasesStore};
pub use view::Cases;
