//! Statistics of intensities.

use serde::{Deserialize, Serialize};

use crate::statistics::percentile_of_sorted;

/// Statistics of the intensities of some voxels, all of them and not a sample, in the image's units (HU in CT). These
/// are the numbers that nnU-Net's fingerprint has of foreground voxels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntensityStats {
    /// The mean.
    pub mean: f64,
    /// The 50th percentile.
    pub median: f64,
    /// Standard deviation of the population: squares are divided by the number of voxels.
    pub std: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The 0.5th percentile, interpolated linearly as numpy does.
    pub percentile_00_5: f64,
    /// The 99.5th percentile, interpolated linearly as numpy does.
    pub percentile_99_5: f64,
}

impl IntensityStats {
    /// Of values in rising order; `None` of no values.
    pub(super) fn of_sorted(values: &[f32]) -> Option<Self> {
        let count = values.len() as f64;
        let (min, max) = (f64::from(*values.first()?), f64::from(*values.last()?));
        let mean = values.iter().copied().map(f64::from).sum::<f64>() / count;
        let squares = values.iter().map(|&value| (f64::from(value) - mean).powi(2));
        Some(Self {
            mean,
            median: percentile_of_sorted(values, 50.0)?,
            std: (squares.sum::<f64>() / count).sqrt(),
            min,
            max,
            percentile_00_5: percentile_of_sorted(values, 0.5)?,
            percentile_99_5: percentile_of_sorted(values, 99.5)?,
        })
    }
}

/// The values in rising order.
pub(super) fn sorted(mut values: Vec<f32>) -> Vec<f32> {
    values.sort_unstable_by(f32::total_cmp);
    values
}
