//! Cases: the files that came in, and what they make together.

mod intake;
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
