//! Linear intensity augmentations: factors, shifts, contrast.

use ndarray::Array4;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::chance::{balanced, happens, uniform};

/// One factor 1 ± strength for all channels (MONAI 1.5, `RandScaleIntensity`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntensityScale {
    /// How often a patch is changed.
    pub probability: f64,
    /// Largest relative change.
    pub strength: f64,
}

impl IntensityScale {
    pub(super) fn apply(&self, image: &mut Array4<f32>, rng: &mut impl Rng) {
        if happens(self.probability, rng) {
            let factor = 1.0 + self.strength * rng.random_range(-1.0..=1.0);
            image.mapv_inplace(|v| v * factor as f32);
        }
    }
}

/// One number within ± strength added to all channels (MONAI 1.5, `RandShiftIntensity`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntensityShift {
    /// How often a patch is changed.
    pub probability: f64,
    /// Largest shift, in the unit of the normalized intensities.
    pub strength: f64,
}

impl IntensityShift {
    pub(super) fn apply(&self, image: &mut Array4<f32>, rng: &mut impl Rng) {
        if happens(self.probability, rng) {
            let shift = self.strength * rng.random_range(-1.0..=1.0);
            image.mapv_inplace(|v| v + shift as f32);
        }
    }
}

/// A factor for each channel (batchgenerators 0.21, `BrightnessMultiplicativeTransform`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brightness {
    /// How often a patch is changed.
    pub probability: f64,
    /// Smallest and largest factor.
    pub factor: [f64; 2],
}

impl Brightness {
    pub(super) fn apply(&self, image: &mut Array4<f32>, rng: &mut impl Rng) {
        if happens(self.probability, rng) {
            for mut channel in image.outer_iter_mut() {
                let factor = uniform(self.factor, rng) as f32;
                channel.mapv_inplace(|value| value * factor);
            }
        }
    }
}

/// Scales each channel's deviation from its mean by a factor and clips to the channel's range (batchgenerators 0.21,
/// `ContrastAugmentationTransform` with `preserve_range`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contrast {
    /// How often a patch is changed.
    pub probability: f64,
    /// Smallest and largest factor; below and above 1 equally often.
    pub factor: [f64; 2],
}

impl Contrast {
    pub(super) fn apply(&self, image: &mut Array4<f32>, rng: &mut impl Rng) {
        if !happens(self.probability, rng) {
            return;
        }
        for mut channel in image.outer_iter_mut() {
            let factor = balanced(self.factor, rng);
            let count = channel.len().max(1) as f64;
            let mean = channel.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
            let range = |[low, high]: [f32; 2], &value: &f32| [low.min(value), high.max(value)];
            let [low, high] = channel.iter().fold([f32::INFINITY, f32::NEG_INFINITY], range);
            channel.mapv_inplace(|value| (((f64::from(value) - mean) * factor + mean) as f32).clamp(low, high));
        }
    }
}
