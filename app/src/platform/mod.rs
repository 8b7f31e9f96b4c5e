//! What a session needs of the browser: files, storage, time, tasks. Native tests use memory and a simple executor
//! instead; both implementations offer the same names.

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(not(target_arch = "wasm32"))]
mod native;

#[cfg(target_arch = "wasm32")]
pub use browser::*;
#[cfg(not(target_arch = "wasm32"))]
pub use native::*;

/// Why storage is not available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoStorage {
    /// The browser offers none (private windows, old browsers).
    NotOffered,
    /// Another tab uses it.
    InUse,
}
