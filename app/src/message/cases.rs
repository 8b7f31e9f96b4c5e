//! Files and cases.

use std::collections::BTreeMap;

use medcontext_core::dataset::{CaseFiles, CaseHeader, Fix, Frames, Role};
use medcontext_core::infer::LabelVolume;
use medcontext_core::volume::{SliceAxis, Thumbnail};
use serde::{Deserialize, Serialize};

use super::Handle;
use crate::platform::{Blob, File};

/// A dropped or picked file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Upload {
    /// Path inside the dropped folder, or the file's name.
    pub path: String,
    /// The file.
    pub file: Handle<File>,
}

/// A case, as shown in the table. The facts from its header are known at once, the rest after its voxels have been
/// read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseInfo {
    /// Its files.
    pub files: CaseFiles,
    /// Facts from the header of its image.
    pub header: CaseHeader,
    /// Its default role.
    pub role: Role,
    /// What is known since its voxels have been read.
    pub contents: Option<CaseContents>,
}

impl CaseInfo {
    /// Its name.
    pub fn id(&self) -> &str {
        &self.files.id
    }

    /// Whether its voxels were read.
    pub fn is_read(&self) -> bool {
        self.contents.is_some()
    }

    /// Whether its voxels will be read: which frames are to be used, if that is a question, is decided.
    pub fn is_unread(&self) -> bool {
        !self.is_read() && self.header.undecided_frames.is_none()
    }

    /// Labels in its label map; `None` without one, or before it was read.
    pub fn labels(&self) -> Option<&Vec<LabelVolume>> {
        self.contents.as_ref()?.labels.as_ref()
    }

    /// Warnings about its files, as far as they have been read.
    pub fn problems(&self) -> &[String] {
        self.contents.as_ref().map_or(&[], |contents| &contents.problems)
    }
}

/// Facts that need a case's voxels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseContents {
    /// Labels in its label map, background left out; `None` without a label map.
    pub labels: Option<Vec<LabelVolume>>,
    /// The id of voxels that are not labeled, where there are any.
    pub ignored: Option<u16>,
    /// Names of labels, as far as the label map itself gives them.
    pub names: BTreeMap<u16, String>,
    /// Its thumbnail.
    pub thumbnail: Thumbnail,
    /// Warnings about its files, one sentence each.
    pub problems: Vec<String>,
    /// The available repair.
    pub fix: Option<Fix>,
}

/// A file that is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unused {
    /// Its path, as it was dropped.
    pub path: String,
    /// Why, in one sentence.
    pub reason: String,
    /// Whether it is a volume, so that it can be assigned to a case as its label map.
    pub volume: bool,
}

/// Requests about files and cases.
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
    /// Leave out the cases that have not been read yet.
    StopReading,
    /// Forget the files that belong to no case.
    Discard,
    /// Repair a case's labels.
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
    /// Count only the slices along an axis that hold a label, or all.
    CountLabeledSlices(Option<SliceAxis>),
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

/// How far the reading of cases is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadingProgress {
    /// Cases read so far.
    pub done: usize,
    /// Cases to read.
    pub total: usize,
    /// An estimate of the time that the rest takes, once a case has been read.
    pub remaining_seconds: Option<f64>,
}

/// Reports about files and cases.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum CasesReport {
    /// How far the reading of cases is; nothing once all are read.
    Reading(Option<ReadingProgress>),
    /// A case is new or its files have changed.
    Case(CaseInfo),
    /// A case's voxels have been read.
    Read(CaseInfo),
    /// Files that are not used.
    Leftovers {
        /// Which, and why; those that are volumes can be given to a case by hand.
        files: Vec<Unused>,
        /// Whether some of them are label maps of one structure each, which can be combined.
        structures: bool,
    },
    /// Along which axis only the slices with a label count, if so.
    LabeledSlices(Option<SliceAxis>),
    /// A case is gone.
    Removed {
        /// The case.
        case: String,
    },
}
