//! The choice of tubes: how many, and along which axis.

use serde::{Deserialize, Serialize};

/// How the mask ratio determines the number of tubes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskSampling {
    /// The same fraction in every mask, rounded down (the released code).
    #[default]
    Exact,
    /// Each tube independently with that probability (the paper's text).
    Bernoulli,
}

/// The axis along which tubes run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TubeAxis {
    /// Across slices, whichever axis of the tensor that is (the paper).
    #[default]
    Slice,
    /// Along the tensor's first axis: from left to right where MONAI loads the volume (the released
    /// code).
    First,
}

impl TubeAxis {
    /// The axis of a token grid `[depth, height, width]` of volumes whose slices lie across `slice_axis`.
    pub fn index(self, slice_axis: usize) -> usize {
        match self {
            Self::Slice => slice_axis,
            Self::First => 0,
        }
    }
}
