//! The page and its compute worker.
//!
//! Two programs are built from this crate. [`page`] is what one sees: it holds views and their state and
//! computes nothing. [`worker`] runs in a thread of its own, holds the volumes, the network and the
//! compute device, and does all the work with `medcontext_core`. They share [`message`]: everything
//! that one may say to the other over a [`bridge`], and [`saved`]: what is kept of a session.
//!
//! All but the page also compiles natively, where tests run: [`platform`] is what they ask of the browser.

#[cfg(target_arch = "wasm32")]
pub mod bridge;
pub mod message;
#[cfg(target_arch = "wasm32")]
pub mod page;
pub mod platform;
pub mod saved;
pub mod worker;
