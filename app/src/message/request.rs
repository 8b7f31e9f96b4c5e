//! What the page asks of its worker.

use std::collections::BTreeMap;

use medcontext_core::dataset::{Fix, Frames};
use medcontext_core::train::TrainConfig;
use serde::{Deserialize, Serialize};
use web_sys::Blob;

use super::{Handle, Library, Packed, Upload, Wish};
use crate::saved::Saved;

/// What the page asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Open the compute device. The first request to every worker.
    Open(Wish),
    /// End: another worker takes over.
    Close,
    /// Take over what another worker held.
    Resume(Box<Library>),
    /// Take these files in: volumes, a dataset.json, weights.
    Add(Vec<Upload>),
    /// Make the synthetic sample volumes and take them in like dropped files.
    AddSamples,
    /// Forget a case and its files.
    Remove {
        /// The case.
        case: String,
    },
    /// Forget the files that are in no case.
    Discard,
    /// Send a case's image and labels for display.
    View {
        /// The case.
        case: String,
    },
    /// Make a case's labels fit.
    Mend {
        /// The case.
        case: String,
        /// How.
        fix: Fix,
    },
    /// Give a case the label map that was chosen by hand, or none.
    Pair {
        /// The case.
        case: String,
        /// Path of the label map.
        label: Option<String>,
    },
    /// Say which frames of a series are the case's image.
    UseFrames {
        /// The case.
        case: String,
        /// Which.
        frames: Frames,
    },
    /// Combine label maps of one structure each into one for each image.
    CombineStructures,
    /// Show where a segmentation differs from the case's own labels.
    Compare {
        /// The case.
        case: String,
        /// The segmentation.
        segmentation: Handle<Blob>,
    },
    /// Send what was found in a case for display.
    Display {
        /// The case.
        case: String,
        /// Tells the answer from those to earlier requests.
        number: u32,
        /// The segmentation.
        labels: Option<Handle<Blob>>,
        /// How uncertain the network was.
        uncertainty: Option<Handle<Blob>>,
    },
    /// Make surfaces of a segmentation's labels.
    Surfaces {
        /// The case.
        case: String,
        /// The segmentation.
        segmentation: Handle<Blob>,
    },
    /// Take a drawing as a case's labels.
    Label {
        /// The case.
        case: String,
        /// The drawing: a NIfTI file with the image's voxels in its order.
        drawing: Handle<Blob>,
        /// Names of the labels that may be in it.
        names: BTreeMap<u16, String>,
    },
    /// Train on these cases.
    Train {
        /// Settings of the run.
        config: Box<TrainConfig>,
        /// Ids of the labelled cases to train on.
        cases: Vec<String>,
        /// Ids of the labelled cases that are held out.
        validation: Vec<String>,
        /// Start from the weights at hand instead of from scratch.
        from_weights: bool,
        /// The case in view: it is segmented from time to time, so that one sees the network learn.
        viewed: Option<String>,
    },
    /// Take a few steps of such a run, to see how long one takes; nothing of it is kept.
    Rehearse {
        /// Settings of the run.
        config: Box<TrainConfig>,
        /// Ids of the labelled cases to train on.
        cases: Vec<String>,
    },
    /// Go on with the training run whose state was kept.
    Continue {
        /// Ids of the labelled cases that are held out.
        validation: Vec<String>,
        /// The case in view, as in [`Request::Train`].
        viewed: Option<String>,
    },
    /// Segment these cases with the weights at hand.
    Predict {
        /// Ids of the cases.
        cases: Vec<String>,
        /// Average over mirror images: eight times the work.
        flips: bool,
        /// Keep the logits too, for comparison with another program.
        keep_logits: bool,
    },
    /// End the training or prediction that is running, keeping what it has.
    Stop,
    /// Let the running task wait, or go on.
    Pause(bool),
    /// Say [`Report::Settled`] when everything before this is done.
    Settle,
    /// Keep what the page knows in the browser's storage.
    Remember(Box<Saved>),
    /// Bring back the session that the browser's storage holds.
    Restore,
    /// Empty the browser's storage.
    Forget,
    /// Make one file of everything at hand.
    Pack {
        /// Files that the page has: results and tables, by name.
        files: Vec<Packed>,
        /// Whether the session itself goes with them: scans, labels, weights, a run that can go on.
        session: Option<Box<Saved>>,
    },
}

impl Request {
    /// Whether a worker that takes over is to do this where the one before did not get to it. What that one did
    /// is in the [`Library`].
    pub fn outlives_worker(&self) -> bool {
        match self {
            Self::Add(_)
            | Self::AddSamples
            | Self::Remove { .. }
            | Self::Discard
            | Self::View { .. }
            | Self::Mend { .. }
            | Self::Pair { .. }
            | Self::UseFrames { .. }
            | Self::CombineStructures
            | Self::Compare { .. }
            | Self::Display { .. }
            | Self::Surfaces { .. }
            | Self::Label { .. }
            | Self::Remember(_)
            | Self::Restore
            | Self::Forget
            | Self::Pack { .. } => true,
            // A long task ends with its worker; the others are said anew to each worker.
            Self::Open(_)
            | Self::Close
            | Self::Resume(_)
            | Self::Train { .. }
            | Self::Rehearse { .. }
            | Self::Continue { .. }
            | Self::Predict { .. }
            | Self::Stop
            | Self::Pause(_)
            | Self::Settle => false,
        }
    }
}
