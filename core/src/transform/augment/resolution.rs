//! Simulated low resolution.

use ndarray::{Array4, ArrayViewMut3};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::chance::{happens, uniform};
use crate::transform::resample::{Interpolation, Resampler, Resampling};

/// Downsamples and upsamples again (batchgenerators 0.21, `SimulateLowResolutionTransform`: down with order 0, up with
/// order 3).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LowResolution {
    /// How often a patch is changed.
    pub probability: f64,
    /// How often each channel of such a patch is changed.
    pub channel: f64,
    /// Smallest and largest fraction of voxels kept along an axis.
    pub zoom: [f64; 2],
    /// Whether the number of slices stays the same.
    pub in_plane: bool,
}

impl LowResolution {
    pub(super) fn apply(&self, image: &mut Array4<f32>, slice_axis: usize, rng: &mut impl Rng) {
        if !happens(self.probability, rng) {
            return;
        }
        let kept = self.in_plane.then_some(slice_axis);
        for channel in image.outer_iter_mut() {
            if happens(self.channel, rng) {
                coarsen(channel, uniform(self.zoom, rng), kept);
            }
        }
    }
}

/// Downsamples to the fraction `zoom` of the voxels along every axis but `kept`, and upsamples again.
pub(super) fn coarsen(mut volume: ArrayViewMut3<'_, f32>, zoom: f64, kept: Option<usize>) {
    const RULE: Resampling = Resampling::NnUnet;
    let (d, h, w) = volume.dim();
    let size = [d, h, w];
    let coarse = [0, 1, 2].map(|axis| match kept == Some(axis) {
        true => size[axis],
        false => ((size[axis] as f64 * zoom).round_ties_even() as usize).max(1),
    });
    let down = [0, 1, 2].map(|axis| {
        let positions = RULE.positions(size[axis], coarse[axis], 1.0);
        positions.into_iter().map(|p| RULE.nearest(p)).collect()
    });
    let up = [0, 1, 2].map(|axis| RULE.positions(coarse[axis], size[axis], 1.0));
    let down = Resampler::new(size, &down, [Interpolation::Nearest; 3]);
    let small = down.volume(volume.to_owned());
    let range = |[low, high]: [f32; 2], &value: &f32| [low.min(value), high.max(value)];
    let [low, high] = small.iter().fold([f32::INFINITY, f32::NEG_INFINITY], range);
    let large = Resampler::new(coarse, &up, [Interpolation::Cubic; 3]).volume(small);
    volume.assign(&large.mapv(|value| value.clamp(low, high)));
}
