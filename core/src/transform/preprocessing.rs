//! Everything that is done to a case before patches are sampled, and to every image that the network sees later.

use serde::{Deserialize, Serialize};

use super::{Crop, Normalization, Spacing};
use crate::volume::AxisOrder;

/// Preprocessing of a case. It is stored with the weights, because a network must be given what it was trained on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preprocessing {
    /// Which anatomical axes depth, height and width are.
    pub axes: AxisOrder,
    /// Normalization of intensities.
    #[serde(alias = "normalisation")]
    pub normalization: Normalization,
    /// Spacing to resample to; `None` keeps the image's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spacing: Option<Spacing>,
    /// Which part is kept (foreground crop).
    #[serde(skip_serializing_if = "is_whole")]
    pub crop: Crop,
}

fn is_whole(crop: &Crop) -> bool {
    *crop == Crop::None
}

impl Preprocessing {
    /// Why it is invalid, one sentence that names the setting.
    pub(crate) fn problem(&self) -> Option<String> {
        if let Some(problem) = self.normalization.problem() {
            return Some(format!("preprocessing.normalization {problem}"));
        }
        let mm = self.spacing?.mm;
        let usable = mm.iter().all(|side| (0.01..=1000.0).contains(side));
        (!usable).then(|| format!("preprocessing.spacing is {mm:?} mm: choose sides from 0.01 to 1000 mm"))
    }
}
