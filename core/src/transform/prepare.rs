//! The part that is the same every time: axis order, normalisation, padding.

use ndarray::{Array3, s};

use serde::{Deserialize, Serialize};

use crate::dataset::LabelSet;
use crate::volume::{AxisOrder, Image, LabelImage};

/// What is done to intensities before a network sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// Mean 0 and standard deviation 1 over all voxels of a volume.
    #[default]
    ZScore,
    /// Nothing: the volume holds what the network expects.
    None,
}

/// A case ready for patches to be cut from it. Axes are [depth, height, width].
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Normalised intensities.
    pub image: Array3<f32>,
    /// Class indices, for a labelled case.
    pub classes: Option<Array3<u8>>,
    /// Voxels that padding added before each axis.
    pub before: [usize; 3],
    /// Size before padding.
    pub size: [usize; 3],
}

impl Prepared {
    /// Brings a case into network form: axes in `order`, intensities normalised, and zeros around it
    /// where it is smaller than `patch` voxels.
    pub fn new(
        image: &Image,
        label: Option<(&LabelImage, &LabelSet)>,
        order: AxisOrder,
        normalisation: Normalisation,
        patch: [usize; 3],
    ) -> Self {
        let mut volume = order.arrange(image.canonical());
        match normalisation {
            Normalisation::ZScore => z_score(&mut volume),
            Normalisation::None => {}
        }
        let size = shape(&volume);
        let before = std::array::from_fn(|axis| patch[axis].saturating_sub(size[axis]) / 2);
        let classes = label.map(|(label, set)| {
            let classes = order.arrange(set.encode(label.canonical().view()));
            pad(&classes, before, patch)
        });
        Self {
            image: pad(&volume, before, patch),
            classes,
            before,
            size,
        }
    }
}

/// Shifts and scales to mean 0 and standard deviation 1 over all voxels; a constant volume becomes 0.
pub fn z_score(volume: &mut Array3<f32>) {
    let count = volume.len().max(1) as f64;
    let mean = volume.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    let variance = volume
        .iter()
        .map(|&v| (f64::from(v) - mean).powi(2))
        .sum::<f64>()
        / count;
    let scale = 1.0 / variance.sqrt().max(1e-8);
    volume.mapv_inplace(|v| ((f64::from(v) - mean) * scale) as f32);
}

/// The sides of a volume.
pub(crate) fn shape<T>(volume: &Array3<T>) -> [usize; 3] {
    let (d, h, w) = volume.dim();
    [d, h, w]
}

/// Surrounds with zeros up to `patch`; half before, the rest after.
fn pad<T: Clone + Default>(volume: &Array3<T>, before: [usize; 3], patch: [usize; 3]) -> Array3<T> {
    let size = shape(volume);
    let full: [usize; 3] = std::array::from_fn(|axis| size[axis].max(patch[axis]));
    if full == size {
        return volume.clone();
    }
    let mut padded = Array3::from_elem(full, T::default());
    let [d, h, w] = before;
    padded
        .slice_mut(s![d..d + size[0], h..h + size[1], w..w + size[2]])
        .assign(volume);
    padded
}
