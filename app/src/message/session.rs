//! The saved session.

use serde::{Deserialize, Serialize};

use crate::saved::Saved;

/// Requests about the saved session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum SessionRequest {
    /// Save the page's state in the browser's storage.
    Remember(Box<Saved>),
    /// Restore the session from the browser's storage.
    Restore,
    /// Empty the browser's storage.
    Forget,
}

/// Reports about the saved session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum SessionReport {
    /// The browser's storage holds an earlier session.
    Found(Box<Saved>),
    /// A session was restored: its cases, weights and segmentations were reported before this.
    Restored(Box<Saved>),
}
