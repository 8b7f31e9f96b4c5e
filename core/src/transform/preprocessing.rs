//! Everything that is done to a case before patches are cut from it, and to every image that the
//! network sees later.

use serde::{Deserialize, Serialize};

use super::{Crop, Normalization, Spacing};
use crate::volume::AxisOrder;

/// What brings a case into network form. It is stored with the weights: what a network was trained on
/// is what it must be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preprocessing {
    /// Which anatomical axes depth, height and width are.
    pub axes: AxisOrder,
    /// What is done to intensities.
    #[serde(alias = "normalisation")]
    pub normalization: Normalization,
    /// Voxel sizes to resample to; the image's own where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spacing: Option<Spacing>,
    /// Which part is kept.
    #[serde(skip_serializing_if = "is_whole")]
    pub crop: Crop,
}

fn is_whole(crop: &Crop) -> bool {
    *crop == Crop::None
}

impl Preprocessing {
    /// Why it cannot work, one sentence that names the setting.
    pub(crate) fn problem(&self) -> Option<String> {
        if let Some(problem) = self.normalization.problem() {
            return Some(format!("preprocessing.normalization {problem}"));
        }
        let mm = self.spacing?.mm;
        let usable = mm.iter().all(|side| (0.01..=1000.0).contains(side));
        (!usable).then(|| format!("preprocessing.spacing is {mm:?} mm: choose sides from 0.01 to 1000 mm"))
    }
}
