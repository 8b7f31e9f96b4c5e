//! 95th percentile Hausdorff distance.

use std::str::FromStr;

use ndarray::ArrayView3;

use super::SurfaceDistances;
use crate::statistics::percentile;

/// How the distances of the two directions become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hausdorff {
    /// 95th percentile of both directions' distances together (medpy 0.5; the papers' tables).
    #[default]
    Pooled,
    /// The larger of the two directions' 95th percentiles (MONAI 1.5).
    Max,
}

impl Hausdorff {
    /// HD95 in the unit of the distances; NaN of none.
    pub fn hd95(self, distances: &SurfaceDistances) -> f64 {
        let SurfaceDistances {
            mut to_truth,
            mut to_prediction,
        } = distances.clone();
        let percentile = |distances: &mut [f64]| percentile(distances, 95.0).unwrap_or(f64::NAN);
        match self {
            Self::Pooled => {
                to_truth.append(&mut to_prediction);
                percentile(&mut to_truth)
            }
            Self::Max => percentile(&mut to_truth).max(percentile(&mut to_prediction)),
        }
    }

    /// The name in commands and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pooled => "pooled",
            Self::Max => "max",
        }
    }
}

impl FromStr for Hausdorff {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "pooled" => Ok(Self::Pooled),
            "max" => Ok(Self::Max),
            _ => Err(format!("there is no form {name:?}: choose pooled or max")),
        }
    }
}

/// HD95 of one label: mm when `spacing` gives the voxel size along the arrays' axes, voxels when it
/// is `None`. `None` when either mask is empty.
///
/// # Panics
/// When the arrays have different shapes.
pub fn hd95(
    prediction: ArrayView3<'_, u16>,
    truth: ArrayView3<'_, u16>,
    label: u16,
    spacing: Option<[f64; 3]>,
    form: Hausdorff,
) -> Option<f64> {
    let distances = SurfaceDistances::of(prediction, truth, label, spacing.unwrap_or([1.0; 3]))?;
    Some(form.hd95(&distances))
}
