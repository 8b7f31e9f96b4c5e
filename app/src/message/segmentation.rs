//! Segmentation.

use serde::{Deserialize, Serialize};

use super::Handle;
use crate::platform::Blob;
use crate::saved::SavedResult;

/// Segments these cases with the weights at hand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SegmentationRequest {
    /// Ids of the cases.
    pub cases: Vec<String>,
    /// Average over mirror images: eight times the work.
    pub flips: bool,
    /// Keep the logits too, for comparison with another program.
    pub keep_logits: bool,
}

/// A case that is segmented.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Segmented {
    /// The case.
    pub case: String,
    /// What was found, and how it compares with the case's own labels.
    pub result: SavedResult,
    /// The label map, a `.nii.gz` on the image's own grid.
    pub file: Handle<Blob>,
    /// How uncertain the network was, a `.nii.gz` of values from 0 to 1.
    pub uncertainty: Option<Handle<Blob>>,
    /// The logits, a `.safetensors`, where asked for.
    pub logits: Option<Handle<Blob>>,
}

/// What the worker says of a segmentation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum SegmentationReport {
    /// A case is being segmented.
    Progress {
        /// The case.
        case: String,
        /// Windows done so far.
        done: usize,
        /// Windows in all.
        windows: usize,
        /// Estimated wall time until the case is done, in seconds.
        remaining_seconds: f64,
    },
    /// A case is segmented.
    Done(Segmented),
    /// A case could not be segmented; the others go on.
    Failed {
        /// The case.
        case: String,
        /// Why: one sentence.
        reason: String,
    },
}
