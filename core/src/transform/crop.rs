//! Boxes: cropping volumes, and zero-padding those that are too small.

use ndarray::{Array3, ArrayView3, s};
use serde::{Deserialize, Serialize};

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
}

/// First voxel and size along each axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub start: [usize; 3],
    pub size: [usize; 3],
}

impl Bounds {
    /// The bounding box of the voxels that `keep` selects in any of the volumes, which have the same size; the whole
    /// volume if there are none.
    pub fn around(volumes: &[Array3<f32>], keep: impl Fn(f32) -> bool) -> Self {
        let whole = Self {
            start: [0; 3],
            size: volumes.first().map_or([0; 3], shape),
        };
        let (mut low, mut high) = (whole.size, [0; 3]);
        for volume in volumes {
            for ((d, h, w), _) in volume.indexed_iter().filter(|&(_, &value)| keep(value)) {
                for (axis, place) in [d, h, w].into_iter().enumerate() {
                    low[axis] = low[axis].min(place);
                    high[axis] = high[axis].max(place + 1);
                }
            }
        }
        if low[0] >= high[0] {
            return whole;
        }
        Self {
            start: low,
            size: [0, 1, 2].map(|axis| high[axis] - low[axis]),
        }
    }

    /// The part of a volume within the box; the volume itself if the box covers it.
    pub fn cut<T: Clone>(&self, volume: Array3<T>) -> Array3<T> {
        if self.size == shape(&volume) {
            return volume;
        }
        let ([d, h, w], [nd, nh, nw]) = (self.start, self.size);
        volume.slice(s![d..d + nd, h..h + nh, w..w + nw]).to_owned()
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
    fn the_box_is_as_small_as_it_can_be_over_all_channels() {
        let mut volumes = vec![Array3::<f32>::zeros((5, 6, 7)); 2];
        volumes[0][[1, 2, 3]] = 1.0;
        volumes[1][[3, 4, 3]] = -2.0;
        let bounds = Bounds::around(&volumes, |value| value != 0.0);
        assert_eq!((bounds.start, bounds.size), ([1, 2, 3], [3, 3, 1]));
        let bounds = Bounds::around(&volumes, |value| value > 0.0);
        assert_eq!((bounds.start, bounds.size), ([1, 2, 3], [1, 1, 1]));
        let nothing = Bounds::around(&volumes, |value| value > 5.0);
        assert_eq!((nothing.start, nothing.size), ([0; 3], [5, 6, 7]));
        assert_eq!(bounds.cut(volumes.remove(0)), Array3::<f32>::ones((1, 1, 1)));
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
