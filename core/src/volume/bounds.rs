//! Boxes of voxels.

use ndarray::{Array3, s};
use serde::{Deserialize, Serialize};

/// A box of voxels: first voxel and size along each axis of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// The first voxel, as the array's axes run.
    pub start: [usize; 3],
    /// Voxels along each axis.
    pub size: [usize; 3],
}

impl Bounds {
    /// The smallest box around the voxels that `keep` picks; `None` where there are none.
    pub fn of<T: Copy>(volume: &Array3<T>, keep: impl Fn(T) -> bool) -> Option<Self> {
        let mut found: Option<Self> = None;
        let (_, height, _) = volume.dim();
        for (place, row) in volume.rows().into_iter().enumerate() {
            let Some(first) = row.iter().position(|&value| keep(value)) else {
                continue;
            };
            let last = row.iter().rposition(|&value| keep(value)).unwrap_or(first);
            let inside = Self {
                start: [place / height, place % height, first],
                size: [1, 1, last + 1 - first],
            };
            found = Some(found.map_or(inside, |bounds| bounds.union(inside)));
        }
        found
    }

    /// The smallest box around the voxels that `keep` picks in any of the volumes, which have one
    /// size; the whole volume where there are none.
    pub fn around(volumes: &[Array3<f32>], keep: impl Fn(f32) -> bool) -> Self {
        let whole = || Self {
            start: [0; 3],
            size: volumes.first().map_or([0; 3], |volume| volume.dim().into()),
        };
        let each = volumes.iter().filter_map(|volume| Self::of(volume, &keep));
        each.reduce(Self::union).unwrap_or_else(whole)
    }

    /// The smallest box that holds both.
    pub fn union(self, other: Self) -> Self {
        let start = [0, 1, 2].map(|axis| self.start[axis].min(other.start[axis]));
        let end = [0, 1, 2].map(|axis| self.end()[axis].max(other.end()[axis]));
        Self {
            start,
            size: [0, 1, 2].map(|axis| end[axis] - start[axis]),
        }
    }

    /// The box with so many voxels more on both sides of each axis, as far as a volume of `size` has them.
    pub fn grown(self, margin: [usize; 3], size: [usize; 3]) -> Self {
        let start = [0, 1, 2].map(|axis| self.start[axis].saturating_sub(margin[axis]));
        let end = [0, 1, 2].map(|axis| (self.end()[axis] + margin[axis]).min(size[axis]));
        Self {
            start,
            size: [0, 1, 2].map(|axis| end[axis] - start[axis]),
        }
    }

    /// The voxel after the last one along each axis.
    pub fn end(&self) -> [usize; 3] {
        [0, 1, 2].map(|axis| self.start[axis] + self.size[axis])
    }

    /// The part of a volume within the box; the volume itself where that is all of it.
    pub fn cut<T: Clone>(&self, volume: Array3<T>) -> Array3<T> {
        if self.size == <[usize; 3]>::from(volume.dim()) {
            return volume;
        }
        let ([d, h, w], [nd, nh, nw]) = (self.start, self.size);
        volume.slice(s![d..d + nd, h..h + nh, w..w + nw]).to_owned()
    }
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
}
