//! Noise and blur.

use ndarray::{Array4, ArrayViewMut3, Axis};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::chance::{happens, uniform};

/// Gaussian noise with the same strength in all channels (batchgenerators 0.21, `GaussianNoiseTransform`, which uses
/// what it calls a variance as a standard deviation).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// How often a patch is changed.
    pub probability: f64,
    /// Smallest and largest standard deviation, in the unit of the normalized intensities.
    pub deviation: [f64; 2],
}

impl Noise {
    pub(super) fn apply(&self, image: &mut Array4<f32>, rng: &mut impl Rng) {
        if happens(self.probability, rng) {
            let deviation = uniform(self.deviation, rng);
            image.mapv_inplace(|value| value + (deviation * normal(rng)) as f32);
        }
    }
}

/// A normally distributed number (Box and Muller, 1958).
pub(crate) fn normal(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// Gaussian blur, with a different width in each channel (batchgenerators 0.21, `GaussianBlurTransform` with
/// `different_sigma_per_channel`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blur {
    /// How often a patch is changed.
    pub probability: f64,
    /// How often each channel of such a patch is changed.
    pub channel: f64,
    /// Smallest and largest σ in voxels.
    pub sigma: [f64; 2],
}

impl Blur {
    pub(super) fn apply(&self, image: &mut Array4<f32>, rng: &mut impl Rng) {
        if !happens(self.probability, rng) {
            return;
        }
        for channel in image.outer_iter_mut() {
            if happens(self.channel, rng) {
                blur(channel, uniform(self.sigma, rng));
            }
        }
    }
}

/// SciPy's `gaussian_filter`: cut off at 4 σ, the volume mirrored beyond its outer border.
pub(super) fn blur(mut volume: ArrayViewMut3<'_, f32>, sigma: f64) {
    let radius = (4.0 * sigma + 0.5) as usize;
    let weight = |distance: usize| (-0.5 * (distance as f64 / sigma).powi(2)).exp();
    let total = 1.0 + 2.0 * (1..=radius).map(weight).sum::<f64>();
    let kernel: Vec<f64> = (0..=2 * radius)
        .map(|index| weight(index.abs_diff(radius)) / total)
        .collect();
    for axis in 0..3 {
        let size = volume.len_of(Axis(axis));
        let mut line = vec![0.0f64; size + 2 * radius];
        for mut lane in volume.lanes_mut(Axis(axis)) {
            for (index, value) in line.iter_mut().enumerate() {
                *value = f64::from(lane[reflected(index, radius, size)]);
            }
            for (value, window) in lane.iter_mut().zip(line.windows(kernel.len())) {
                let sum: f64 = kernel.iter().zip(window).map(|(k, v)| k * v).sum();
                *value = sum as f32;
            }
        }
    }
}

/// Index `index - radius` of a line that is mirrored about its outer borders (d c b a | a b c d).
fn reflected(index: usize, radius: usize, size: usize) -> usize {
    let period = 2 * size;
    // Enough periods to stay non-negative.
    let place = (index + period * (radius / period + 1) - radius) % period;
    place.min(period - 1 - place)
}
