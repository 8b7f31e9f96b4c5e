//! Boxes: cropping volumes, and zero-padding those that are too small.

use ndarray::{Array3, ArrayView3, s};
use serde::{Deserialize, Serialize};

use crate::loss::IGNORED;
use crate::volume::Bounds;

/// Which part of a volume is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Crop {
    /// The whole volume.
    #[default]
    None,
    /// Before resampling, the bounding box of voxels that are nonzero in the file, in any channel (nnU-Net 1, and
    /// MONAI's BraTS recipe).
    NonZero,
    /// After resampling and normalization, the bounding box of voxels above 0 in any channel (MONAI's `CropForeground`
    /// in the Synapse recipe: voxels above the window's lower end).
    Positive,
    /// Before resampling, the bounding box of all labels and so many mm around it; in prediction, around what the first
    /// stage of a cascade found. A case without labels is kept whole.
    Labels {
        /// The margin on every side in mm.
        margin_mm: u32,
    },
}

impl Crop {
    /// The box of labels with its margin, by class indices on a grid of this spacing in mm; `None` where this crop is
    /// another, or there are no labels.
    pub fn around_labels(self, classes: &Array3<u8>, spacing: [f64; 3]) -> Option<Bounds> {
        let Self::Labels { margin_mm } = self else {
            return None;
        };
        let labels = Bounds::of(classes, |class| class != 0 && class != IGNORED)?;
        let margin = spacing.map(|side| (f64::from(margin_mm) / side).ceil() as usize);
        Some(labels.grown(margin, shape(classes)))
    }
}

/// The sides of a volume.
pub(crate) fn shape<T>(volume: &Array3<T>) -> [usize; 3] {
    let (d, h, w) = volume.dim();
    [d, h, w]
}

/// Zeros before each axis to pad `size` to `patch`: half of the missing voxels.
pub(crate) fn padding(size: [usize; 3], patch: [usize; 3]) -> [usize; 3] {
    [0, 1, 2].map(|axis| patch[axis].saturating_sub(size[axis]) / 2)
}

/// Pads with zeros to `patch`; half before, the rest after.
pub(crate) fn pad<T: Clone + Default>(volume: Array3<T>, patch: [usize; 3]) -> Array3<T> {
    let size = shape(&volume);
    let full = [0, 1, 2].map(|axis| size[axis].max(patch[axis]));
    if full == size {
        return volume;
    }
    let mut padded = Array3::from_elem(full, T::default());
    place(padded.view_mut(), volume.view(), padding(size, patch));
    padded
}

/// Copies a volume into a larger one, its first voxel at `start`.
pub(crate) fn place<T: Clone>(mut into: ndarray::ArrayViewMut3<'_, T>, volume: ArrayView3<'_, T>, start: [usize; 3]) {
    let ([d, h, w], (nd, nh, nw)) = (start, volume.dim());
    into.slice_mut(s![d..d + nd, h..h + nh, w..w + nw]).assign(&volume);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_kept_with_a_margin_in_mm() {
        let mut classes = Array3::<u8>::zeros((6, 20, 20));
        classes[[2, 5, 6]] = 1;
        classes[[2, 8, 6]] = 2;
        classes[[5, 19, 19]] = IGNORED;
        let crop = Crop::Labels { margin_mm: 4 };
        // 4 mm are one slice of 5 mm, two rows of 2 mm and three columns of 1.5 mm.
        let bounds = crop.around_labels(&classes, [5.0, 2.0, 1.5]).expect("labels");
        assert_eq!((bounds.start, bounds.size), ([1, 3, 3], [3, 8, 7]));
        let bounds = Crop::Labels { margin_mm: 30 }.around_labels(&classes, [5.0, 2.0, 1.5]);
        assert_eq!(bounds.expect("labels").size, [6, 20, 20]);
        assert_eq!(crop.around_labels(&Array3::zeros((6, 20, 20)), [1.0; 3]), None);
        assert_eq!(Crop::NonZero.around_labels(&classes, [1.0; 3]), None);
    }

    #[test]
    fn padding_goes_half_before_and_the_rest_after() {
        let volume = Array3::from_elem((3, 2, 4), 7u8);
        let padded = pad(volume, [4, 5, 2]);
        assert_eq!(shape(&padded), [4, 5, 4]);
        for ((d, h, _), &value) in padded.indexed_iter() {
            let inside = d < 3 && (1..3).contains(&h);
            assert_eq!(value, if inside { 7 } else { 0 }, "{d} {h}");
        }
    }
}
