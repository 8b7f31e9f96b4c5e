//! The compute worker: the one thread that holds volumes, network and device.
//!
//! [`Inbox`] takes the page's requests; a session does one after another, and training and prediction run beside
//! that as tasks of their own, one at a time, so that files can still be added and looked at. Every task lets the
//! browser deliver messages between two steps, which is how a wish to stop arrives in time.
//!
//! From the top: `dispatch`, then one file for each kind of work, then `session` (what is held between two
//! requests), then `reporter` and `error`. Each uses what comes after it and nothing before.

mod cases;
mod choices;
mod dispatch;
mod error;
mod files;
mod folds;
mod label;
mod persist;
mod plan;
mod pool;
mod predict;
mod reading;
mod reporter;
mod restore;
mod session;
mod show;
#[cfg(target_arch = "wasm32")]
mod start;
mod threads;
mod train;
mod weights;

#[cfg(test)]
mod tests;

pub use dispatch::Inbox;
pub use reporter::Reporter;
#[cfg(target_arch = "wasm32")]
pub use start::start;
