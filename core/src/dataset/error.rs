//! What can be wrong with a set of cases, one plain sentence each.

/// A case or a set of cases that cannot be used, and what to do about it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DatasetError {
    /// Nothing to learn from.
    #[error(
        "no case has a label map; add one next to at least one image (for example case.nii.gz and case_seg.nii.gz)"
    )]
    NoLabelledCase,
    /// No image at all.
    #[error("no NIfTI image was found in {0}; add files that end in .nii or .nii.gz")]
    NoCase(String),
    /// Image and label of different sizes.
    #[error(
        "case {case}: the label map is {label} voxels and the image is {image}; use the label map that was drawn on this image, or resample it"
    )]
    LabelShape {
        /// The case.
        case: String,
        /// Size of the label map, as i×j×k.
        label: String,
        /// Size of the image, as i×j×k.
        image: String,
    },
    /// Channels of different sizes.
    #[error(
        "case {case}: channel {channel} is {found} voxels and the first is {first}; give channels that were brought onto one grid"
    )]
    ChannelShape {
        /// The case.
        case: String,
        /// Which channel, counted from 1.
        channel: usize,
        /// Its size, as i×j×k.
        found: String,
        /// Size of the first channel, as i×j×k.
        first: String,
    },
    /// Cases with different numbers of channels.
    #[error(
        "case {case} has {channels} channels and case {other} has {found}; give every case the same ones, or leave one of them out"
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
    /// A label map without any label.
    #[error(
        "case {case}: the label map holds only background (0); label something in it or leave it out"
    )]
    OnlyBackground {
        /// The case.
        case: String,
    },
    /// Prediction and truth of different sizes.
    #[error(
        "case {case}: the prediction is {prediction} voxels and the true label map is {truth}; compare files on the same grid"
    )]
    PredictionShape {
        /// The case.
        case: String,
        /// Size of the prediction.
        prediction: String,
        /// Size of the true label map.
        truth: String,
    },
    /// A split file that is not JSON lists of names.
    #[error(
        "{file}: not a list of splits ({problem}); expected JSON like {{\"train\": [\"case_1\", \"case_2\"]}}"
    )]
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
    /// A name in a list that is no case.
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
    /// A stored label set that contradicts itself.
    #[error("the list of labels must be ascending ids from 0 (background), each with a name")]
    BadLabelSet,
    /// Bytes that are no phantom.
    #[error("{0} is not a synthetic volume; make it with `core phantom`")]
    NotPhantom(String),
    /// A preset whose list names no case that is here.
    #[error(
        "no case of {preset}'s list {list} is here; look at how the files are named, or give a list of your own (--split FILE:LIST)"
    )]
    EmptyList {
        /// The preset.
        preset: String,
        /// The list.
        list: String,
    },
    /// A preset whose list names cases that are here without their label maps.
    #[error(
        "cases of {preset}'s list {list} are here without their label maps ({cases}); add the label maps of the data set"
    )]
    UnlabelledList {
        /// The preset.
        preset: String,
        /// The list.
        list: String,
        /// Images of its cases that are here.
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
    /// Regions of labels that there are not.
    #[error("the regions must be of labels that are in the list of labels, background left out")]
    BadRegions,
    /// More ids than class indices can count.
    #[error("{0} different labels are more than the 255 that can be learned; merge some")]
    TooManyLabels(usize),
}
