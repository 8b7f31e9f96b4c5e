//! Normalization of intensities, per channel.

use ndarray::Array3;
use serde::{Deserialize, Serialize};

/// Normalization of a network's input intensities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalization {
    /// Mean 0 and standard deviation 1 over all voxels of a volume (nnU-Net 1 for MR).
    #[default]
    ZScore,
    /// None: the volume already holds what the network expects.
    None,
    /// Mean 0 and standard deviation 1 over nonzero voxels; the others stay 0 (MONAI 1.5,
    /// `NormalizeIntensity(nonzero=True, channel_wise=True)`).
    NonZeroZScore,
    /// Maps a window to 0…1 and clips (MONAI 1.5, `ScaleIntensityRange` with `clip`).
    Window {
        /// Mapped to 0, in the file's unit (HU for CT).
        low: f64,
        /// Mapped to 1.
        high: f64,
    },
    /// Clips at two percentiles, then shifts and scales by statistics of the whole data set (nnU-Net 1 for CT).
    ClipZScore {
        /// Lowest intensity kept: the 0.5th percentile of labeled voxels.
        low: f64,
        /// Highest intensity kept: the 99.5th percentile.
        high: f64,
        /// Mean of labeled voxels, which becomes 0.
        mean: f64,
        /// Their standard deviation, which becomes 1.
        deviation: f64,
    },
}

impl Normalization {
    /// Changes a volume in place.
    pub fn apply(&self, volume: &mut Array3<f32>) {
        match *self {
            Self::None => {}
            Self::ZScore => z_score(volume),
            Self::NonZeroZScore => standardize(volume, |value| value != 0.0),
            Self::Window { low, high } => {
                volume.mapv_inplace(|value| (((f64::from(value) - low) / (high - low)).clamp(0.0, 1.0)) as f32)
            }
            Self::ClipZScore {
                low,
                high,
                mean,
                deviation,
            } => volume.mapv_inplace(|value| ((f64::from(value).clamp(low, high) - mean) / deviation) as f32),
        }
    }

    /// nnU-Net's rule for CT from the intensities of labeled voxels, each with its voxel count, in any order; `None`
    /// where there are none, or all are the same, since clipping would leave nothing to see.
    pub fn of_labeled(mut intensities: Vec<(f32, u64)>) -> Option<Self> {
        let voxels: u64 = intensities.iter().map(|(_, count)| count).sum();
        let last = voxels.checked_sub(1)?;
        intensities.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
        let at = |index: u64| {
            let mut before = 0;
            let holds = |&&(_, count): &&(f32, u64)| {
                before += count;
                index < before
            };
            intensities.iter().find(holds).map(|&(v, _)| f64::from(v))
        };
        let percentile = |share: f64| {
            let position = share * last as f64;
            let below = position.floor();
            let [low, high] = [below, position.ceil()].map(|index| at(index as u64));
            Some(low? + (high? - low?) * (position - below))
        };
        let values = || intensities.iter().map(|&(v, count)| (f64::from(v), count as f64));
        let mean = values().map(|(v, n)| v * n).sum::<f64>() / voxels as f64;
        let squares = values().map(|(v, n)| (v - mean).powi(2) * n).sum::<f64>();
        let variance = squares / voxels as f64;
        let rule = Self::ClipZScore {
            low: percentile(0.005)?,
            high: percentile(0.995)?,
            mean,
            deviation: variance.sqrt(),
        };
        rule.problem().is_none().then_some(rule)
    }

    /// Why the numbers are invalid, one phrase.
    pub(crate) fn problem(&self) -> Option<String> {
        let (low, high) = match *self {
            Self::Window { low, high } | Self::ClipZScore { low, high, .. } => (low, high),
            _ => return None,
        };
        let ordered = low < high;
        let spread = match *self {
            Self::ClipZScore { deviation, .. } => deviation > 0.0,
            _ => true,
        };
        match (ordered, spread) {
            (false, _) => Some(format!("runs from {low} to {high}: make the first the smaller")),
            (true, false) => Some("has no deviation above 0: give one".to_owned()),
            (true, true) => None,
        }
    }
}

/// Shifts and scales to mean 0 and standard deviation 1 over all voxels; a constant volume becomes 0.
pub fn z_score(volume: &mut Array3<f32>) {
    standardize(volume, |_| true);
}

/// Mean 0 and standard deviation 1 over the voxels that `counts` selects; the others stay.
fn standardize(volume: &mut Array3<f32>, counts: impl Fn(f32) -> bool) {
    let values = || volume.iter().copied().filter(|&value| counts(value));
    let count = values().count().max(1) as f64;
    let mean = values().map(f64::from).sum::<f64>() / count;
    let variance = values().map(|v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
    let scale = 1.0 / variance.sqrt().max(1e-8);
    volume.mapv_inplace(|v| {
        if counts(v) {
            ((f64::from(v) - mean) * scale) as f32
        } else {
            v
        }
    });
}

#[cfg(test)]
mod tests {
    use ndarray::Array;

    use super::*;

    fn applied(rule: Normalization, values: &[f32]) -> Vec<f32> {
        let mut volume = Array::from_vec(values.to_vec())
            .into_shape_with_order((1, 1, values.len()))
            .expect("one row");
        rule.apply(&mut volume);
        volume.into_iter().collect()
    }

    fn close(found: &[f32], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (f, e) in found.iter().zip(expected) {
            assert!((f64::from(*f) - e).abs() < 1e-6, "{found:?}, {expected:?}");
        }
    }

    #[test]
    fn rules_give_the_numbers_of_their_formulas() {
        let values = [0.0, 2.0, 0.0, 4.0];
        // Mean 1.5, variance (2.25 + 0.25 + 2.25 + 6.25) / 4 = 2.75.
        let z = |v: f64| (v - 1.5) / 2.75f64.sqrt();
        close(
            &applied(Normalization::ZScore, &values),
            &[z(0.0), z(2.0), z(0.0), z(4.0)],
        );
        // Of 2 and 4 alone: mean 3, deviation 1.
        close(&applied(Normalization::NonZeroZScore, &values), &[0.0, -1.0, 0.0, 1.0]);
        close(&applied(Normalization::None, &values), &[0.0, 2.0, 0.0, 4.0]);
        let window = Normalization::Window {
            low: -175.0,
            high: 250.0,
        };
        close(
            &applied(window, &[-1000.0, -175.0, 37.5, 250.0, 900.0]),
            &[0.0, 0.0, 0.5, 1.0, 1.0],
        );
        let clip = Normalization::ClipZScore {
            low: -958.0,
            high: 326.0,
            mean: 82.0,
            deviation: 100.0,
        };
        close(&applied(clip, &[-2000.0, 82.0, 132.0, 500.0]), &[-10.4, 0.0, 0.5, 2.44]);
        // Constant volumes stay finite.
        close(&applied(Normalization::ZScore, &[5.0; 3]), &[0.0; 3]);
        close(&applied(Normalization::NonZeroZScore, &[0.0; 3]), &[0.0; 3]);
    }

    #[test]
    fn percentiles_of_labeled_voxels_are_interpolated() {
        // 0 to 1000 in disorder: percentiles 5 and 995, mean 500, variance (1001² - 1) / 12.
        let values = (0..1001).map(|i| ((i * 8 % 1001) as f32, 1)).collect();
        let Some(Normalization::ClipZScore {
            low,
            high,
            mean,
            deviation,
        }) = Normalization::of_labeled(values)
        else {
            panic!("there are values");
        };
        for (found, expected) in [
            (low, 5.0),
            (high, 995.0),
            (mean, 500.0),
            (deviation, (1_002_000f64 / 12.0).sqrt()),
        ] {
            assert!((found - expected).abs() < 1e-9, "{found}, {expected}");
        }
        // 0, 0, 0, 10: the 99.5th percentile lies 0.985 of the way from the third to the fourth.
        let counted = Normalization::of_labeled(vec![(10.0, 1), (0.0, 2), (0.0, 1)]);
        let Some(Normalization::ClipZScore { low, high, mean, .. }) = counted else {
            panic!("there are values");
        };
        assert_eq!((low, mean), (0.0, 2.5));
        assert!((high - 9.85).abs() < 1e-9, "{high}");
        assert_eq!(Normalization::of_labeled(Vec::new()), None);
        // Metal at the highest value that a scanner writes.
        assert_eq!(Normalization::of_labeled(vec![(3071.0, 1), (3071.0, 500)]), None);
    }
}
