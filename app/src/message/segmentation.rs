//! Segmentation.

use medcontext_core::infer::Inference;
use serde::{Deserialize, Serialize};

use super::Handle;
use crate::platform::Blob;
use crate::saved::SavedResult;

/// Segments these cases with the current weights.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SegmentationRequest {
    /// Ids of the cases.
    pub cases: Vec<String>,
    /// How the network's output becomes labels.
    pub inference: Inference,
    /// Keep the logits too, for comparison with another program.
    pub keep_logits: bool,
}

/// A segmented case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Segmented {
    /// The case.
    pub case: String,
    /// The result, and how it compares with the case's own labels.
    pub result: SavedResult,
    /// The label map, a `.nii.gz` on the image's own grid.
    pub file: Handle<Blob>,
    /// The uncertainty map, a `.nii.gz` of values from 0 to 1.
    pub uncertainty: Option<Handle<Blob>>,
    /// The logits, a `.safetensors`, where asked for.
    pub logits: Option<Handle<Blob>>,
}

/// Reports about a segmentation.
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
    /// A case could not be segmented; the others continue.
    Failed {
        /// The case.
        case: String,
        /// Why: one sentence.
        reason: String,
    },
}
