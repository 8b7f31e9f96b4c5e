//! The plan of a training run: what is decided for the labeled cases and the time there is, and what a person changes.

mod fields;
mod follow;
mod measure;
mod refusal;
mod reports;
mod rows;
mod settings;
mod store;
mod view;

pub use fields::{AUGMENTATION, augmentation};
pub use follow::follow;
pub use refusal::Refusal;
pub use reports::on_report;
pub use settings::{as_trained, change, give_back, keep_all, settle, smaller, starting_weights};
pub use store::PlanStore;
pub use view::Plan;
