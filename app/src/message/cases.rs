//! Files and cases.

use std::collections::BTreeMap;

use medcontext_core::dataset::{Fix, Frames, Role};
use medcontext_core::infer::LabelVolume;
use medcontext_core::volume::Thumbnail;
use serde::{Deserialize, Serialize};

use super::Handle;
use crate::platform::{Blob, File};

/// A file as it was dropped or picked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Upload {
    /// Path inside the dropped folder, or the file's name.
    pub path: String,
    /// The file.
    pub file: Handle<File>,
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
    pub labeled: bool,
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
    /// What would repair that.
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

/// What the page asks about files and cases.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum CasesRequest {
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
    /// Make a case's labels fit.
    Repair {
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
    /// Take a drawing as a case's labels.
    Label {
        /// The case.
        case: String,
        /// The drawing: a NIfTI file with the image's voxels in its order.
        drawing: Handle<Blob>,
        /// Names of the labels that may be in it.
        names: BTreeMap<u16, String>,
    },
}

/// What the worker says about files and cases.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum CasesReport {
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
    Removed {
        /// The case.
        case: String,
    },
}
