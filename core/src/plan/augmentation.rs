//! How patches are changed, by the shape of the voxels and the length of the run.

use super::Decision;
use crate::train::TrainConfig;
use crate::transform::{Augmentation, IntensityScale, IntensityShift, Normalization};

/// Spacings with a ratio above this are augmented within slices (nnU-Net's dummy 2D).
const THICK: f64 = 3.0;

/// From so many iterations on, nnU-Net's augmentation happens as often as there.
const LONG_RUN: f64 = 1000.0;

/// The augmentation of a run with this preprocessing, so many iterations and these mirrored axes.
pub(super) fn augmentation(config: &TrainConfig) -> (Augmentation, Decision) {
    let iterations = config.iterations;
    let mm = config.preprocessing.spacing.map_or([1.0; 3], |spacing| spacing.mm);
    let largest = mm.into_iter().fold(0.0, f64::max);
    let finest = mm.into_iter().fold(f64::INFINITY, f64::min);
    let thick = largest > THICK * finest;
    let share = (iterations as f64 / LONG_RUN).min(1.0);
    let keep_zero = config.preprocessing.normalization == Normalization::NonZeroZScore;
    let mut augmentation = Augmentation {
        mirror_axes: config.augmentation.mirror_axes,
        // Named although they rarely happen: a file of these settings leaves nothing to the defaults.
        scale: Some(IntensityScale {
            probability: 0.1,
            strength: 0.1,
        }),
        shift: Some(IntensityShift {
            probability: 0.1,
            strength: 0.1,
        }),
        ..Augmentation::nnunet(thick, keep_zero).at_share(share)
    };
    if thick && let Some(spatial) = &mut augmentation.spatial {
        // Half a turn would exchange left and right.
        spatial.degrees = 30.0;
    }
    let turns = if thick {
        "within slices, which are thick"
    } else {
        "about every axis"
    };
    let often = match share < 1.0 {
        true => format!(
            "{:.0} % as often, since a run of {iterations} steps has little to spare for what never occurs",
            100.0 * share
        ),
        false => "as often".to_owned(),
    };
    let decision = Decision::new(
        "augmentation",
        "rotation to 30°, zoom 0.7 to 1.4, noise, blur, brightness, contrast, low resolution, gamma",
        format!("nnU-Net's, {often}, rotated {turns}"),
    );
    (augmentation, decision)
}
