//! How voxels of two volumes correspond: image, further channels and label map of a case share a grid, in whatever axis
//! order each file was saved.

use ndarray::{ArrayView3, Axis};

use super::{Affine, Grid, SAME_GRID_VOXELS};

/// How the voxels of a volume correspond to the grid of another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Placement {
    /// By their headers both occupy the same place: corners are less than [`SAME_GRID_VOXELS`] apart once the axes are
    /// in the same order.
    Same(AxisOrderInFile),
    /// The headers disagree, but the sizes along the file's axes match: voxels are matched by index.
    VoxelByVoxel {
        /// Distance between the corners according to the headers, in voxels.
        distance: f64,
    },
    /// Neither: matching them takes resampling.
    Elsewhere,
}

/// A permutation and reversal of a file's axes; values do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AxisOrderInFile {
    /// The axis of the file (i, j or k) that becomes the first, second and third.
    axes: [usize; 3],
    /// Whether it is reversed.
    reversed: [bool; 3],
}

impl AxisOrderInFile {
    /// As stored.
    pub const STORED: Self = Self {
        axes: [0, 1, 2],
        reversed: [false; 3],
    };

    /// All 48, starting with the stored order.
    fn all() -> impl Iterator<Item = Self> {
        const EXCHANGES: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        EXCHANGES.into_iter().flat_map(|axes| {
            (0..8).map(move |bits| Self {
                axes,
                reversed: [0, 1, 2].map(|axis| bits >> axis & 1 == 1),
            })
        })
    }

    /// Values in the file's order (i fastest, `dims` along i, j, k) in this order.
    pub(super) fn apply<T: Copy>(self, values: &[T], dims: [usize; 3]) -> Vec<T> {
        let [ni, nj, nk] = dims;
        // i fastest is an array with axes [k, j, i]; file axis a is its axis 2 - a.
        let mut view = ArrayView3::from_shape((nk, nj, ni), values).expect("as many values as dims say");
        for (axis, reversed) in self.axes.into_iter().zip(self.reversed) {
            if reversed {
                view.invert_axis(Axis(2 - axis));
            }
        }
        let [first, second, third] = self.axes.map(|axis| 2 - axis);
        let view = view.permuted_axes([third, second, first]);
        view.iter().copied().collect()
    }

    /// The grid of a volume whose voxels are reordered like this: it occupies the same place.
    fn of_grid(self, grid: &Grid) -> Grid {
        let mut start = [0.0; 3];
        let mut rows = [[0.0; 4]; 3];
        for (new, (old, reversed)) in self.axes.into_iter().zip(self.reversed).enumerate() {
            let step = grid.affine.column(old);
            for (row, value) in rows.iter_mut().zip(step) {
                row[new] = if reversed { -value } else { value };
            }
            if reversed {
                start[old] = grid.dims[old].saturating_sub(1) as f64;
            }
        }
        for (row, value) in rows.iter_mut().zip(grid.affine.apply(start)) {
            row[3] = value;
        }
        Grid {
            dims: self.axes.map(|axis| grid.dims[axis]),
            affine: Affine(rows),
            form: grid.form,
        }
    }
}

impl Grid {
    /// How the voxels of a volume on the grid `other` correspond to this one: by the headers if these agree, else voxel
    /// by voxel if the sizes agree.
    pub fn placement_of(&self, other: &Grid) -> Placement {
        let same = AxisOrderInFile::all().find(|order| {
            let turned = order.of_grid(other);
            turned.dims == self.dims && self.corner_distance(&turned) < SAME_GRID_VOXELS
        });
        match same {
            Some(order) => Placement::Same(order),
            None if other.dims == self.dims => Placement::VoxelByVoxel {
                distance: self.corner_distance(other),
            },
            None => Placement::Elsewhere,
        }
    }

    /// Size, spacing, directions and position of the first voxel in words, to distinguish two grids: `24×20×18 voxels
    /// of 1.5×1.5×3 mm, LPS, from (12, -3.5, 40)`.
    pub fn describe(&self) -> String {
        let numbers = |values: [f64; 3], unit: f64, between: &str| {
            // Avoids "-0".
            let text = values.map(|value| ((value * unit).round() / unit + 0.0).to_string());
            text.join(between)
        };
        format!(
            "{} voxels of {} mm, {}, from ({})",
            super::grid::format_dims(&self.dims),
            numbers(self.spacing(), 100.0, "×"),
            self.orientation(),
            numbers(self.affine.apply([0.0; 3]), 10.0, ", ")
        )
    }
}
