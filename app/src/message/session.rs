//! The saved session.

use serde::{Deserialize, Serialize};

use crate::saved::Saved;

/// What the page asks about the saved session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum SessionRequest {
    /// Keep what the page knows in the browser's storage.
    Remember(Box<Saved>),
    /// Bring back the session that the browser's storage holds.
    Restore,
    /// Empty the browser's storage.
    Forget,
}

/// What the worker says about the saved session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum SessionReport {
    /// The browser's storage holds an earlier session.
    Found(Box<Saved>),
    /// A session is back: its cases, weights and segmentations were reported before this.
    Restored(Box<Saved>),
}
