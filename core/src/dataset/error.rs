//! What can be wrong with a set of cases, one plain sentence each.

use crate::volume::{VolumeError, format};

/// A case or a set of cases that cannot be used, and what to do about it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DatasetError {
    /// Nothing to learn from.
    #[error(
        "no case has a label map; add one next to at least one image (for example case.nii.gz and case_seg.nii.gz)"
    )]
    NoLabeledCase,
    /// No images.
    #[error(
        "no {formats} image was found in {0}; add files that end in {endings}",
        formats = format::names(),
        endings = format::endings()
    )]
    NoCase(String),
    /// A case without channels.
    #[error("case {0} has no image; give it one")]
    NoChannel(String),
    /// A label map that does not lie on its image.
    #[error(
        "case {case}: the label map does not lie on the image: {source}; use the one drawn on it, or --resample-labels \
         (in the page: Resample)"
    )]
    LabelElsewhere {
        /// The case.
        case: String,
        /// Both grids.
        source: VolumeError,
    },
    /// A channel that does not lie on the first.
    #[error(
        "case {case}: channel {channel} does not lie on the first: {source}; give channels that were brought onto one \
         grid"
    )]
    ChannelElsewhere {
        /// The case.
        case: String,
        /// Which channel, counted from 1.
        channel: usize,
        /// Both grids.
        source: VolumeError,
    },
    /// A label map that does not overlap its image, so that resampling would leave it empty.
    #[error(
        "case {case}: no label of the label map lies inside the image; use the label map that was drawn on this image"
    )]
    NothingInside {
        /// The case.
        case: String,
    },
    /// More volumes than fit into memory.
    #[error(
        "{cases} {needed_gib:.1} GiB of memory and there is room for {room_gib:.1}: train on fewer of them, or crop \
         or downsample the volumes"
    )]
    Memory {
        /// How many, with the verb: "these 3 cases take".
        cases: String,
        /// What they take.
        needed_gib: f64,
        /// What there is.
        room_gib: f64,
    },
    /// Cases with different numbers of channels.
    #[error(
        "case {case} has {channels} channels and case {other} has {found}; give every case the same ones, or leave one \
         of them out"
    )]
    ChannelCounts {
        /// The first case.
        case: String,
        /// Its channels.
        channels: usize,
        /// A case with another number.
        other: String,
        /// Its channels.
        found: usize,
    },
    /// Label maps without any label.
    #[error("every label map holds only background (0); label something in at least one of them")]
    OnlyBackground,
    /// A prediction that does not lie on the true label map.
    #[error("case {case}: the prediction does not lie on the true label map: {source}; compare files on the same grid")]
    PredictionElsewhere {
        /// The case.
        case: String,
        /// Both grids.
        source: VolumeError,
    },
    /// Arrays of different sizes.
    #[error(
        "case {case}: an array of {prediction} labels cannot be compared with one of {truth}; give arrays of one shape"
    )]
    PredictionShape {
        /// The case.
        case: String,
        /// Size of the prediction.
        prediction: String,
        /// Size of the true labels.
        truth: String,
    },
    /// A split file that is not JSON lists of names.
    #[error("{file}: not a list of splits ({problem}); expected JSON like {{\"train\": [\"case_1\", \"case_2\"]}}")]
    BadSplit {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// A list that the split file does not have.
    #[error("{file}: there is no list {list}; it has {known}")]
    NoSuchList {
        /// The file.
        file: String,
        /// The list asked for.
        list: String,
        /// The lists that exist.
        known: String,
    },
    /// A name in a list that is not a case.
    #[error(
        "{file}: list {list} names the case {case}, which is not among the scans; correct the list, or add the case"
    )]
    MissingCase {
        /// The file.
        file: String,
        /// The list.
        list: String,
        /// The case.
        case: String,
    },
    /// nnU-Net's label for voxels that are left out of the loss, among the labels to learn.
    #[error(
        "{file} declares label {id} as \"ignore\" and it would be learned as a structure; take it out of the labels, \
         or choose no other label to ignore"
    )]
    IgnoreLabel {
        /// The dataset.json.
        file: String,
        /// The label's id.
        id: u16,
    },
    /// All labeled cases are held out.
    #[error(
        "all {0} labeled cases are held out, as validation or test cases by their folders or dataset.json; name those \
         to train on with --split FILE:LIST"
    )]
    AllHeldOut(usize),
    /// A case that is both trained on and validated on.
    #[error("the case {case} is in the list to train on and in the one to validate on; take it out of one")]
    InBothLists {
        /// The case.
        case: String,
    },
    /// A stored label set that contradicts itself.
    #[error("the list of labels must be ascending ids from 0 (background), each with a name")]
    BadLabelSet,
    /// Bytes that are not a phantom.
    #[error("{0} is not a synthetic volume; make it with `core phantom`")]
    NotPhantom(String),
    /// A preset's list of which no case is here.
    #[error(
        "no case of {preset}'s list {list} is here; look at how the files are named, or give a list of your own \
         (--split FILE:LIST)"
    )]
    EmptyList {
        /// The preset.
        preset: String,
        /// The list.
        list: String,
    },
    /// A preset's list whose cases are here without label maps.
    #[error(
        "cases of {preset}'s list {list} are here without their label maps ({cases}); add the label maps of the data \
         set"
    )]
    UnlabeledList {
        /// The preset.
        preset: String,
        /// The list.
        list: String,
        /// Number of its images that are here.
        cases: usize,
    },
    /// A list that a preset does not have.
    #[error("{preset} has no list {list}; it has {known}")]
    NoPresetList {
        /// The preset.
        preset: String,
        /// The list asked for.
        list: String,
        /// The lists that exist.
        known: String,
    },
    /// Regions of labels that do not exist.
    #[error("the regions must be of labels that are in the list of labels, background left out")]
    BadRegions,
    /// An id to ignore that is a label.
    #[error("label {0} cannot be both ignored and learned; choose another id to ignore, or none")]
    IgnoredIsLearned(u16),
    /// More ids than class indices can represent beside one for ignored voxels.
    #[error("{0} different labels are more than the 254 that can be learned beside an ignored one; merge some")]
    TooManyBesideIgnored(usize),
    /// More ids than class indices can represent.
    #[error("{0} different labels are more than the 255 that can be learned; merge some")]
    TooManyLabels(usize),
}
