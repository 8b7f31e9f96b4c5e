//! Files to export.

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

/// A file that the page requests.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ExportRequest {
    /// Surfaces of a segmentation's labels.
    Surfaces {
        /// The case.
        case: String,
        /// The segmentation.
        segmentation: Handle<Blob>,
    },
    /// One archive of everything.
    Archive {
        /// Files that the page has: results and tables, by name.
        files: Vec<Packed>,
        /// The session itself, if included: scans, labels, weights, a run that can be resumed.
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
    /// Everything as one archive.
    Archive(Handle<Blob>),
}
