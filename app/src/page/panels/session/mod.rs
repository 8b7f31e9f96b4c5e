//! The saved session: found, restored, and saved.

pub mod keep;
mod reports;
mod store;
mod view;

pub use keep::saved;
pub use reports::on_report;
pub use store::SessionStore;
pub use view::Welcome;
