//! 95th percentile Hausdorff distance.

use std::str::FromStr;

use ndarray::ArrayView3;

use super::SurfaceDistances;

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
    /// HD95 in the unit of the distances.
    pub fn hd95(self, distances: &SurfaceDistances) -> f64 {
        let SurfaceDistances {
            mut to_truth,
            mut to_prediction,
        } = distances.clone();
        match self {
            Self::Pooled => {
                to_truth.append(&mut to_prediction);
                percentile(&mut to_truth, 95.0)
            }
            Self::Max => percentile(&mut to_truth, 95.0).max(percentile(&mut to_prediction, 95.0)),
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

/// `percent`-th percentile (0 to 100) with linear interpolation between the sorted values (numpy's
/// default); NaN for no values.
pub fn percentile(values: &mut [f64], percent: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else {
        return f64::NAN;
    };
    let position = (percent / 100.0).clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    values[below] + (values[above] - values[below]) * (position - below as f64)
}
