//! How tubes are chosen: how many, and along which axis they run.

use serde::{Deserialize, Serialize};

use crate::volume::AxisOrder;

/// How many tubes are masked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskSampling {
    /// The same share of every mask, rounded down (the released code).
    #[default]
    Exact,
    /// Each tube by itself with that probability (the paper's text).
    Bernoulli,
}

/// Along which axis tubes run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TubeAxis {
    /// Through the slices, whichever axis of the tensor that is (the paper).
    #[default]
    Slice,
    /// Along the tensor's first axis: from left to right where MONAI loads the volume (the released
    /// code).
    First,
}

impl TubeAxis {
    /// The axis of a token grid `[depth, height, width]` of volumes in this order.
    pub fn index(self, axes: AxisOrder) -> usize {
        match self {
            Self::Slice => axes.slice_axis(),
            Self::First => 0,
        }
    }
}
