//! What a session asks of the browser: files, storage, time, tasks. In tests, which run natively, memory and a
//! simple executor stand in its place; both sides offer the same names.

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(not(target_arch = "wasm32"))]
mod native;

#[cfg(target_arch = "wasm32")]
pub use browser::*;
#[cfg(not(target_arch = "wasm32"))]
pub use native::*;

/// Why there is no storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoStorage {
    /// The browser offers none (private windows, old browsers).
    NotOffered,
    /// Another tab uses it.
    InUse,
}
