//! Files to take away.

use serde::{Deserialize, Serialize};

use super::Handle;
use crate::platform::Blob;
use crate::saved::Saved;

/// A file for an archive.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Packed {
    /// Its name in the archive.
    pub name: String,
    /// The file.
    pub file: Handle<Blob>,
}

/// A file that the page wants to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ExportRequest {
    /// Surfaces of a segmentation's labels.
    Surfaces {
        /// The case.
        case: String,
        /// The segmentation.
        segmentation: Handle<Blob>,
    },
    /// One file of everything at hand.
    Archive {
        /// Files that the page has: results and tables, by name.
        files: Vec<Packed>,
        /// Whether the session itself goes with them: scans, labels, weights, a run that can go on.
        session: Option<Box<Saved>>,
    },
}

/// A file to be saved: each the answer to the request of its name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ExportReport {
    /// The surfaces of a segmentation's labels, as one archive of `.stl` files.
    Surfaces {
        /// The case.
        case: String,
        /// The archive.
        file: Handle<Blob>,
    },
    /// Everything at hand as one file.
    Archive(Handle<Blob>),
}
