//! A session that outlives its tab: what is known beside its files ([`Saved`]), and all of it as files, in the
//! browser's storage ([`SessionStore`]) or in an archive ([`Contents`]).

mod archive;
mod bytes;
mod contents;
mod error;
pub mod names;
mod session;
mod store;

pub use archive::pack;
pub use bytes::{blob, bytes_of, json_file};
pub use contents::Contents;
pub use error::{Error, Result};
#[cfg(target_arch = "wasm32")]
pub use session::SavedStoreFields;
pub use session::{FileLibrary, Saved, SavedResult, Uncertainty, Unfinished, Validation};
pub use store::SessionStore;
