//! Gamma augmentation.

use ndarray::{Array4, ArrayViewMut3};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::chance::{balanced, happens};

/// Raises each channel's intensities, scaled to its range, to a power; mean and deviation are restored (batchgenerators
/// 0.21, `GammaTransform` with `retain_stats`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gamma {
    /// How often a patch is changed.
    pub probability: f64,
    /// Smallest and largest exponent; below and above 1 equally often.
    pub exponent: [f64; 2],
}

impl Gamma {
    /// `inverted` applies it to the negated intensities.
    pub(super) fn apply(&self, image: &mut Array4<f32>, inverted: bool, rng: &mut impl Rng) {
        if !happens(self.probability, rng) {
            return;
        }
        for channel in image.outer_iter_mut() {
            power(channel, balanced(self.exponent, rng), inverted);
        }
    }
}

fn power(mut channel: ArrayViewMut3<'_, f32>, exponent: f64, inverted: bool) {
    let sign = if inverted { -1.0 } else { 1.0 };
    let mut values: Vec<f64> = channel.iter().map(|&v| sign * f64::from(v)).collect();
    let (mean, deviation) = statistics(&values);
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let range = values.iter().copied().fold(f64::NEG_INFINITY, f64::max) - low;
    for value in &mut values {
        *value = ((*value - low) / (range + 1e-7)).powf(exponent) * range + low;
    }
    let (changed_mean, changed_deviation) = statistics(&values);
    let factor = deviation / (changed_deviation + 1e-8);
    for (into, value) in channel.iter_mut().zip(values) {
        *into = (sign * ((value - changed_mean) * factor + mean)) as f32;
    }
}

/// Mean and standard deviation.
fn statistics(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}
