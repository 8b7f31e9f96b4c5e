//! Distances between the surfaces of two masks, and the measures that follow from them.

use ndarray::{Array3, ArrayView3, Zip, s};

use super::squared_distance;

/// Distances are compared with a tolerance with this relative slack: the sides of voxels are 32-bit numbers in files.
const ROUNDING: f64 = 1e-6;

/// Distances between the surface voxels of a label in a prediction and in the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct SurfaceDistances {
    /// From every surface voxel of the prediction to the nearest of the truth.
    pub to_truth: Vec<f64>,
    /// From every surface voxel of the truth to the nearest of the prediction.
    pub to_prediction: Vec<f64>,
}

impl SurfaceDistances {
    /// Distances with voxels of `spacing` along the arrays' axes. `None` when either mask is empty.
    ///
    /// # Panics
    /// When the arrays have different shapes.
    pub fn of(
        prediction: ArrayView3<'_, u16>,
        truth: ArrayView3<'_, u16>,
        label: u16,
        spacing: [f64; 3],
    ) -> Option<SurfaceDistances> {
        let (prediction, truth) = cropped(prediction, truth, label)?;
        let (prediction, truth) = (surface(prediction.view()), surface(truth.view()));
        Some(SurfaceDistances {
            to_truth: distances(&prediction, &truth, spacing)?,
            to_prediction: distances(&truth, &prediction, spacing)?,
        })
    }

    /// Surface Dice (normalized surface distance, NSD): the share of both surfaces' voxels that lie within `tolerance`
    /// of the other surface, in the unit of the spacing. As MONAI 1.5's `SurfaceDiceMetric` without subvoxels, whose
    /// surfaces are those of [`surface`]; DeepMind's surface-distance weighs surface elements between voxels by their
    /// area instead.
    pub fn surface_dice(&self, tolerance: f64) -> f64 {
        let all = self.to_truth.iter().chain(&self.to_prediction);
        let near = all
            .filter(|&&distance| distance <= tolerance * (1.0 + ROUNDING))
            .count();
        near as f64 / (self.to_truth.len() + self.to_prediction.len()) as f64
    }
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
