//! Volumes for the viewer: NIfTI files as read by the worker.

use serde::{Deserialize, Serialize};

use super::Handle;
use crate::platform::Blob;

/// Volumes that the page wants to show.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum DisplayRequest {
    /// A case's image and labels.
    Case {
        /// The case.
        case: String,
    },
    /// The segmentation of a case.
    Segmentation {
        /// The case.
        case: String,
        /// Distinguishes the answer from those to earlier requests.
        number: u32,
        /// The segmentation.
        labels: Option<Handle<Blob>>,
        /// The network's uncertainty.
        uncertainty: Option<Handle<Blob>>,
    },
    /// Where a segmentation differs from the case's own labels.
    Difference {
        /// The case.
        case: String,
        /// The segmentation.
        segmentation: Handle<Blob>,
    },
}

/// Volumes to show: each the answer to the request of its name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum DisplayReport {
    /// A case's image and labels.
    Case {
        /// The case.
        case: String,
        /// The image.
        image: Handle<Blob>,
        /// The label map that came with it.
        truth: Option<Handle<Blob>>,
    },
    /// The segmentation of a case.
    Segmentation {
        /// The case.
        case: String,
        /// That of the request.
        number: u32,
        /// The label map.
        labels: Option<Handle<Blob>>,
        /// Values from 0 to 1.
        uncertainty: Option<Handle<Blob>>,
    },
    /// Where a segmentation differs from the case's own labels.
    Difference {
        /// The case.
        case: String,
        /// A label map of `LabelImage::difference`.
        file: Handle<Blob>,
    },
}
