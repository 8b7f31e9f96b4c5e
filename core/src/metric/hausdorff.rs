//! 95th percentile Hausdorff distance.

use std::str::FromStr;

use ndarray::{Array3, ArrayView3, Zip, s};

use super::squared_distance;

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
    let spacing = spacing.unwrap_or([1.0; 3]);
    let (prediction, truth) = cropped(prediction, truth, label)?;
    let (prediction, truth) = (surface(prediction.view()), surface(truth.view()));
    let mut to_truth = distances(&prediction, &truth, spacing)?;
    let mut to_prediction = distances(&truth, &prediction, spacing)?;
    Some(match form {
        Hausdorff::Pooled => {
            to_truth.append(&mut to_prediction);
            percentile(&mut to_truth, 95.0)
        }
        Hausdorff::Max => percentile(&mut to_truth, 95.0).max(percentile(&mut to_prediction, 95.0)),
    })
}

/// Both masks, cropped to their bounding box: nothing outside affects a distance. `None` when both are empty.
fn cropped(
    prediction: ArrayView3<'_, u16>,
    truth: ArrayView3<'_, u16>,
    label: u16,
) -> Option<(Array3<bool>, Array3<bool>)> {
    let mut low = [usize::MAX; 3];
    let mut high = [0; 3];
    Zip::indexed(prediction).and(truth).for_each(|(d, h, w), &p, &t| {
        if p == label || t == label {
            for (axis, index) in [d, h, w].into_iter().enumerate() {
                low[axis] = low[axis].min(index);
                high[axis] = high[axis].max(index + 1);
            }
        }
    });
    if high[0] == 0 {
        return None;
    }
    let window = s![low[0]..high[0], low[1]..high[1], low[2]..high[2]];
    let mask = |labels: ArrayView3<'_, u16>| labels.slice(window).map(|&value| value == label);
    Some((mask(prediction), mask(truth)))
}

/// Distances from every voxel of `from` to the nearest of `to`; `None` when either has none.
fn distances(from: &Array3<bool>, to: &Array3<bool>, spacing: [f64; 3]) -> Option<Vec<f64>> {
    let squared = squared_distance(to.view(), spacing);
    let distances: Vec<f64> = from
        .iter()
        .zip(&squared)
        .filter(|&(&on_surface, _)| on_surface)
        .map(|(_, squared)| squared.sqrt())
        .collect();
    (distances.first()?.is_finite()).then_some(distances)
}

/// Voxels of the mask with a neighbor (of six) outside it; beyond the array is outside.
pub fn surface(mask: ArrayView3<'_, bool>) -> Array3<bool> {
    Array3::from_shape_fn(mask.dim(), |(d, h, w)| {
        let inside = |d: usize, h: usize, w: usize| mask.get((d, h, w)).copied().unwrap_or(false);
        mask[(d, h, w)]
            && !(inside(d.wrapping_sub(1), h, w)
                && inside(d + 1, h, w)
                && inside(d, h.wrapping_sub(1), w)
                && inside(d, h + 1, w)
                && inside(d, h, w.wrapping_sub(1))
                && inside(d, h, w + 1))
    })
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
