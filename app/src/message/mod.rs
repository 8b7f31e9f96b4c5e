//! What the page and its worker say to each other: a [`Request`] one way, a [`Report`] the other.
//!
//! Volumes and weights travel as the browser's own `File` and `Blob` objects. Those are handles: passing
//! one copies nothing, and a large file is read only where and when its bytes are needed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use gloo_worker::Codec;
use medcontext_core::dataset::{Fix, Role};
use medcontext_core::infer::LabelVolume;
use medcontext_core::volume::Thumbnail;
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, File};

use crate::saved::Choices;

mod report;
mod request;

pub use report::Report;
pub use request::Request;

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

/// All that a session is made of: the files that came in, and what was decided about them. The worker works with
/// nothing else, and tells the page whenever it has changed, so that a worker that takes over can be given it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Library {
    /// Every volume, by path.
    pub files: BTreeMap<String, Handle<Blob>>,
    /// Paths of files that are no volumes and of no use here, so that they can be named.
    pub strangers: BTreeSet<String>,
    /// Label maps that were drawn or mended here, by case: they come before those found by name.
    pub drawn: BTreeMap<String, String>,
    /// The newest dataset.json: its path, and a file that no other program changes.
    pub dataset_json: Option<(String, Handle<Blob>)>,
    /// What was decided by hand.
    pub choices: Choices,
    /// Paths of volumes that are not in the browser's storage yet, in the order in which they came.
    pub unkept: VecDeque<String>,
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
    /// Whether it has a label map, of one file or combined of several.
    pub labelled: bool,
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

/// A file that is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unused {
    /// Its path, as it was dropped.
    pub path: String,
    /// Why, in one sentence.
    pub reason: String,
    /// Whether it is a volume here, so that it can be given to a case as its label map.
    pub volume: bool,
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
