//! What the page and its worker say to each other: a [`Request`] one way, a [`Report`] the other.
//!
//! Volumes and weights travel as the browser's own `File` and `Blob` objects. Those are handles: passing
//! one copies nothing, and a large file is read only where and when its bytes are needed.

use std::collections::BTreeMap;

use gloo_worker::Codec;
use medcontext_core::dataset::Role;
use medcontext_core::infer::LabelVolume;
use medcontext_core::train::{Event, TrainConfig};
use medcontext_core::volume::Thumbnail;
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, File};

use crate::saved::{Frames, Saved, SavedResult};

/// A browser object that is passed by reference inside a message.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handle<T: JsCast>(#[serde(with = "serde_wasm_bindgen::preserve")] pub T);

/// A file as it was dropped or picked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Upload {
    /// Path inside the dropped folder, or the file's name.
    pub path: String,
    /// The file.
    pub file: Handle<File>,
}

/// What the page asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Open the compute device. The first request to every worker.
    Open(Wish),
    /// End: another worker takes over.
    Close,
    /// Take these files in: volumes, a dataset.json, weights.
    Add(Vec<Upload>),
    /// Make the synthetic sample volumes and take them in like dropped files.
    AddSamples,
    /// Forget a case and its files.
    Remove {
        /// The case.
        case: String,
    },
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
    /// Show where a segmentation differs from the case's own labels.
    Compare {
        /// The case.
        case: String,
        /// The segmentation.
        segmentation: Handle<Blob>,
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

/// A file for an archive.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Packed {
    /// Its name in the archive.
    pub name: String,
    /// The file.
    pub file: Handle<Blob>,
}

/// Where someone wants the numbers to be computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// On the GPU, if there is one.
    #[default]
    Gpu,
    /// On the CPU in any case.
    Cpu,
}

/// Where the numbers are computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Device {
    /// On a GPU through WebGPU.
    WebGpu {
        /// The adapter.
        name: String,
        /// Bytes of the largest tensor that it takes.
        largest_tensor: u64,
    },
    /// On one CPU thread.
    Cpu {
        /// Why not on a GPU; nothing if that was wanted.
        reason: Option<String>,
    },
}

/// A case, as the table shows it. What its header says is known at once, the rest when its voxels were read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseInfo {
    /// Its name.
    pub id: String,
    /// Path of its image, or of its first channel.
    pub image: String,
    /// Path of its label map.
    pub label: Option<String>,
    /// Voxels along i, j and k, the file's order.
    pub dims: [usize; 3],
    /// Channels of its image.
    pub channels: usize,
    /// Voxel size along i, j and k in mm.
    pub spacing: [f64; 3],
    /// Directions in which i, j and k grow, such as `RAS`.
    pub orientation: String,
    /// Frames of a series of which it is not yet known how to use them; such a case cannot be worked with.
    pub frames: Option<usize>,
    /// What it is for unless one says otherwise.
    pub role: Role,
    /// Whether its voxels were read once, and what follows is known.
    pub read: bool,
    /// Labels in its label map, background left out; `None` without a label map.
    pub labels: Option<Vec<LabelVolume>>,
    /// What it looks like.
    pub thumbnail: Option<Thumbnail>,
    /// What is odd about its files, one sentence each.
    pub problems: Vec<String>,
    /// What would mend that.
    pub fix: Option<Fix>,
}

/// What can be done about labels that do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fix {
    /// Bring them onto the image's grid, by millimetres.
    Resample,
    /// Round their values to whole numbers.
    Round,
}

/// The weights at hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightsInfo {
    /// The network, its size and what it labels, in words.
    pub summary: String,
    /// The name to save them under.
    pub file_name: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// The card that goes along with the file, in Markdown.
    pub card: String,
}

/// What the worker says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Report {
    /// The compute device is open.
    Ready(Device),
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
    /// Label maps of no case, which can be given to one by hand.
    Unpaired(Vec<String>),
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

/// Message encoding: JavaScript values as the browser's structured clone takes them, so that handles stay
/// handles.
#[derive(Debug)]
pub struct Structured;

impl Codec for Structured {
    fn encode<I: Serialize>(input: I) -> JsValue {
        // Messages are plain structs of numbers, strings and handles, which always encode.
        serde_wasm_bindgen::to_value(&input).expect("a message is a plain value")
    }

    fn decode<O: for<'de> Deserialize<'de>>(input: JsValue) -> O {
        // Page and worker are built together, so both sides know the same messages.
        serde_wasm_bindgen::from_value(input).expect("page and worker come from one build")
    }
}
