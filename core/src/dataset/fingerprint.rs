//! What is known about a case without its voxels.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::facts::ChannelScan;
use super::{Case, CaseFacts, DatasetError, Result};
use crate::volume::LabelImage;

/// Values below this many HU are air: a scan that has them is taken for CT.
const AIR: f32 = -500.0;

/// A case's fingerprint (nnU-Net's word): everything that settings and labels are derived from, without the voxels, so
/// that a large data set need not be in memory at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseFingerprint {
    /// Name of the case.
    pub id: String,
    /// Number of channels.
    pub channels: usize,
    /// Names of the channels, such as `CT`; empty where dataset.json does not say.
    #[serde(default)]
    pub channel_names: Vec<String>,
    /// Size in voxels, `[depth, height, width]`.
    pub size: [usize; 3],
    /// Spacing in mm, `[depth, height, width]`.
    pub spacing: [f64; 3],
    /// Whether it has a label map.
    #[serde(default = "yes")]
    #[serde(alias = "labelled")]
    pub labeled: bool,
    /// Ids in its label map; none without one.
    pub labels: BTreeSet<u16>,
    /// The id of its voxels that are not labeled, where it has any; it is not among `labels`, and such voxels count as
    /// background in `labeled_hu` and `facts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<u16>,
    /// Names of labels, where the label file has them.
    pub names: BTreeMap<u16, String>,
    /// For CT: the distinct values (HU) of labeled voxels, ascending, with the number of voxels of each.
    #[serde(alias = "labelled_hu")]
    pub labeled_hu: Option<Vec<(f32, u64)>>,
    /// As [`Case::warnings`].
    pub warnings: Vec<String>,
    /// What was measured in its voxels; `None` in a fingerprint that was written before this was measured.
    #[serde(default)]
    pub facts: Option<CaseFacts>,
}

impl CaseFingerprint {
    /// The fingerprint of a case.
    pub fn of(case: &Case) -> Self {
        let label = case.label.as_ref();
        let labels = label.map(LabelImage::canonical_known);
        let images = case.images().into_iter();
        let channels: Vec<ChannelScan> = images
            .map(|image| ChannelScan::of(&image.canonical(), labels.as_ref()))
            .collect();
        Self {
            id: case.id.clone(),
            channels: channels.len(),
            channel_names: case.channel_names.clone(),
            size: case.image.grid().canonical_dims(),
            spacing: case.image.grid().canonical_spacing(),
            labeled: label.is_some(),
            labels: label.iter().flat_map(|label| label.present()).collect(),
            ignored: label.filter(|label| label.has_ignored()).and_then(LabelImage::ignored),
            names: label.map(LabelImage::names).unwrap_or_default(),
            labeled_hu: labeled_hu(&channels),
            warnings: case.warnings().to_vec(),
            facts: Some(CaseFacts::of(case.image.grid(), &channels, labels.as_ref())),
        }
    }

    /// Sizes of the cases in voxels, `[depth, height, width]`.
    pub fn sizes(cases: &[CaseFingerprint]) -> Vec<[usize; 3]> {
        cases.iter().map(|case| case.size).collect()
    }
}

/// Default for older fingerprints, which all describe labeled cases.
fn yes() -> bool {
    true
}

/// The number of channels that all cases have, given by their names; 1 if there are no cases.
///
/// # Errors
/// When two cases have different numbers.
pub fn common_channels<'a>(cases: impl IntoIterator<Item = (&'a str, usize)>) -> Result<usize> {
    let mut cases = cases.into_iter();
    let Some((first, channels)) = cases.next() else {
        return Ok(1);
    };
    match cases.find(|(_, found)| *found != channels) {
        None => Ok(channels),
        Some((other, found)) => Err(DatasetError::ChannelCounts {
            case: first.to_owned(),
            channels,
            other: other.to_owned(),
            found,
        }),
    }
}

/// `None` where the scan is not CT.
fn labeled_hu(channels: &[ChannelScan]) -> Option<Vec<(f32, u64)>> {
    let [channel] = channels else {
        return None;
    };
    if channel.facts.min >= AIR {
        return None;
    }
    let counted = channel.labeled.chunk_by(|a, b| a == b);
    Some(counted.map(|alike| (alike[0], alike.len() as u64)).collect())
}
