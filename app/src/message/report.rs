//! What the worker says.

use medcontext_core::train::{Event, TrainConfig};
use serde::{Deserialize, Serialize};
use web_sys::Blob;

use super::{CaseInfo, Device, Handle, Library, Unused, WeightsInfo};
use crate::saved::{Saved, SavedResult};

/// What the worker says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Report {
    /// The compute device is open.
    Ready(Device),
    /// What the session is made of has changed.
    Library(Box<Library>),
    /// The oldest request that this was not said of is done, or runs as a task.
    Handled,
    /// Files are being read.
    Reading {
        /// Cases read so far.
        done: usize,
        /// Cases to read.
        total: usize,
    },
    /// A case is new or is made of other files than before.
    Case(CaseInfo),
    /// A case's voxels were read.
    Read(CaseInfo),
    /// Files that are not used.
    Leftovers {
        /// Which, and why; those that are volumes can be given to a case by hand.
        files: Vec<Unused>,
        /// Whether some of them are label maps of one structure each, which can be combined.
        structures: bool,
    },
    /// A case is gone.
    CaseRemoved {
        /// The case.
        case: String,
    },
    /// Settings that suit the labelled cases.
    Suggested(Box<TrainConfig>),
    /// A file cannot be used, or something asked for cannot be done: one sentence.
    Problem(String),
    /// A case's image and labels as NIfTI files, for the viewer.
    View {
        /// The case.
        case: String,
        /// The image.
        image: Handle<Blob>,
        /// The label map that came with it.
        truth: Option<Handle<Blob>>,
    },
    /// Where a segmentation differs from the case's own labels: the answer to [`Request::Compare`].
    Difference {
        /// The case.
        case: String,
        /// A label map of `LabelImage::difference`.
        file: Handle<Blob>,
    },
    /// What was found in a case as NIfTI files for the viewer: the answer to [`Request::Display`](super::Request).
    Displayed {
        /// The case.
        case: String,
        /// That of the request.
        number: u32,
        /// The label map.
        labels: Option<Handle<Blob>>,
        /// Values from 0 to 1.
        uncertainty: Option<Handle<Blob>>,
    },
    /// The trainer's own event; the weights of a checkpoint come as [`Report::Weights`].
    Training(Event),
    /// How long a step takes: the answer to [`Request::Rehearse`].
    Rehearsed {
        /// Wall time of the first step, in which a GPU's programs are made, in seconds.
        first_seconds: f64,
        /// Wall time of those after it.
        step_seconds: f64,
    },
    /// What the run under way makes of the case in view.
    Preview {
        /// The case.
        case: String,
        /// Steps done.
        iteration: usize,
        /// The label map.
        file: Handle<Blob>,
    },
    /// Weights are at hand: trained here or dropped.
    Weights {
        /// What they are.
        info: WeightsInfo,
        /// The `.safetensors` file.
        file: Handle<Blob>,
    },
    /// A case is being segmented.
    Predicting {
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
    Segmented {
        /// The case.
        case: String,
        /// What was found, and how it compares with the case's own labels.
        result: SavedResult,
        /// The label map, a `.nii.gz` on the image's own grid.
        file: Handle<Blob>,
        /// How uncertain the network was, a `.nii.gz` of values from 0 to 1.
        uncertainty: Option<Handle<Blob>>,
        /// The logits, a `.safetensors`, where asked for.
        logits: Option<Handle<Blob>>,
    },
    /// The surfaces of a segmentation's labels, as one archive of `.stl` files.
    Surfaces {
        /// The case.
        case: String,
        /// The archive.
        file: Handle<Blob>,
    },
    /// A case could not be segmented; the others go on.
    NotSegmented {
        /// The case.
        case: String,
        /// Why: one sentence.
        reason: String,
    },
    /// Training or prediction has ended.
    Ended {
        /// It was stopped before its end.
        stopped: bool,
        /// What went wrong, if something did: one sentence.
        failure: Option<String>,
    },
    /// The state of the training run was kept: it can go on from there.
    Kept {
        /// Steps that it has done.
        iteration: usize,
    },
    /// Everything before [`Request::Settle`] is done.
    Settled,
    /// The browser's storage holds an earlier session.
    Found(Box<Saved>),
    /// A session is back: its cases, weights and segmentations were reported before this.
    Restored(Box<Saved>),
    /// Everything at hand as one file.
    Archive(Handle<Blob>),
    /// The worker is about to die (a lost device, no memory): what happened.
    Died(String),
}
