//! Random changes of a training patch.

use ndarray::{Array3, Axis};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Probabilities and strengths. The defaults are those of MONAI's UNETR recipe on which the paper
/// builds (there after intensities are scaled to unit range, here after z-scoring).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// Probability that a patch is centred on a random labelled voxel, rather than anywhere.
    pub foreground: f64,
    /// Probability of a flip, for each axis on its own.
    pub flip: f64,
    /// Probability of a scaling of intensities by 1 ± `scale`.
    pub scale_probability: f64,
    /// Largest relative change of intensity.
    pub scale: f64,
    /// Probability of a shift of intensities by ± `shift`.
    pub shift_probability: f64,
    /// Largest shift, in standard deviations of the volume.
    pub shift: f64,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self {
            foreground: 0.0,
            flip: 0.2,
            scale_probability: 0.1,
            scale: 0.1,
            shift_probability: 0.1,
            shift: 0.1,
        }
    }
}

impl Augmentation {
    /// Changes one patch in place, intensities and classes alike.
    pub fn apply(&self, image: &mut Array3<f32>, classes: &mut Array3<u8>, rng: &mut impl Rng) {
        for axis in 0..3 {
            if rng.random_bool(self.flip.clamp(0.0, 1.0)) {
                image.invert_axis(Axis(axis));
                classes.invert_axis(Axis(axis));
            }
        }
        if rng.random_bool(self.scale_probability.clamp(0.0, 1.0)) {
            let factor = 1.0 + self.scale * rng.random_range(-1.0..=1.0);
            image.mapv_inplace(|v| v * factor as f32);
        }
        if rng.random_bool(self.shift_probability.clamp(0.0, 1.0)) {
            let shift = self.shift * rng.random_range(-1.0..=1.0);
            image.mapv_inplace(|v| v + shift as f32);
        }
    }
}
