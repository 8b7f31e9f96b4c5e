//! The one place where a voxel changes its axis order.
//!
//! A file stores i fastest, and i, j, k may run along any of the patient's axes in either direction. The canonical
//! array has axes \[S, A, R\]: depth grows upwards, height to the front, width (fastest) to the patient's right. The
//! conversion between them is a permutation with flips, never an interpolation.

use ndarray::{Array3, ArrayView3, Axis};

use super::Affine;
use super::affine::norm;

/// Assignment of a file's axes (i, j, k) to the patient's axes: each to the nearest one, as in nibabel's
/// `io_orientation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orientation {
    /// World axis (0 R, 1 A, 2 S) of i, j and k.
    world: [usize; 3],
    /// Whether i, j and k point to R, A or S (else to L, P or I).
    positive: [bool; 3],
}

impl Orientation {
    /// Nearest axes of an affine with linearly independent columns. It uses the rotation nearest to the affine, so that
    /// shear does not decide; the array axis closest to a world axis is assigned first.
    pub fn of(affine: &Affine) -> Orientation {
        let columns = nearest_rotation(affine);
        let strength = |axis: usize| columns[axis].iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        let mut order = [0, 1, 2];
        order.sort_by(|&a, &b| strength(b).total_cmp(&strength(a)));

        let mut orientation = Orientation {
            world: [0; 3],
            positive: [true; 3],
        };
        let mut free = vec![0, 1, 2];
        for axis in order {
            let column = columns[axis];
            // The first of equals wins.
            let mut choice = 0;
            for (index, &world) in free.iter().enumerate() {
                if column[world].abs() > column[free[choice]].abs() {
                    choice = index;
                }
            }
            let world = free.remove(choice);
            orientation.world[axis] = world;
            orientation.positive[axis] = column[world] >= 0.0;
        }
        orientation
    }

    /// Directions of i, j and k, such as `RAS` or `LPS`.
    pub fn letters(self) -> String {
        (0..3)
            .map(|axis| {
                let pair = [['L', 'R'], ['P', 'A'], ['I', 'S']][self.world[axis]];
                pair[usize::from(self.positive[axis])]
            })
            .collect()
    }

    /// World axis (0 R, 1 A, 2 S) that an array axis is assigned to.
    pub fn world_axis(self, axis: usize) -> usize {
        self.world[axis]
    }

    /// Values along i, j, k (sizes, spacings) in the order \[S, A, R\].
    pub fn canonical<T: Copy>(self, ijk: [T; 3]) -> [T; 3] {
        self.axis_of_canonical().map(|axis| ijk[axis])
    }

    /// File axis (i, j or k) of the canonical axes S, A and R.
    fn axis_of_canonical(self) -> [usize; 3] {
        [2, 1, 0].map(|world| self.world.iter().position(|&other| other == world).unwrap_or(world))
    }

    /// Where the voxel at a canonical index lies in the file's order (i fastest, `dims` along i, j, k).
    pub(super) fn place_in_file(self, canonical: [usize; 3], dims: [usize; 3]) -> usize {
        let mut ijk = [0; 3];
        for (axis, index) in self.axis_of_canonical().into_iter().zip(canonical) {
            ijk[axis] = if self.positive[axis] {
                index
            } else {
                dims[axis] - 1 - index
            };
        }
        (ijk[2] * dims[1] + ijk[1]) * dims[0] + ijk[0]
    }

    /// Index along i, j and k of a canonical index, both perhaps between voxels; `dims` along i, j, k.
    pub(super) fn index_in_file(self, canonical: [f64; 3], dims: [usize; 3]) -> [f64; 3] {
        let mut ijk = [0.0; 3];
        for (axis, index) in self.axis_of_canonical().into_iter().zip(canonical) {
            ijk[axis] = if self.positive[axis] {
                index
            } else {
                dims[axis] as f64 - 1.0 - index
            };
        }
        ijk
    }

    /// Values in the file's order (i fastest, `dims` along i, j, k) as a canonical array, each passed
    /// through `convert`.
    pub(super) fn file_to_canonical<T, U>(
        self,
        values: &[T],
        dims: [usize; 3],
        convert: impl Fn(&T) -> U,
    ) -> Array3<U> {
        let [ni, nj, nk] = dims;
        // i fastest is an array with axes [k, j, i]; file axis a is its axis 2 - a.
        let mut view = ArrayView3::from_shape((nk, nj, ni), values).expect("as many values as dims say");
        for axis in 0..3 {
            if !self.positive[axis] {
                view.invert_axis(Axis(2 - axis));
            }
        }
        let view = view.permuted_axes(self.axis_of_canonical().map(|axis| 2 - axis));
        let shape = view.raw_dim();
        Array3::from_shape_vec(shape, view.iter().map(convert).collect()).expect("the view's own shape")
    }

    /// The inverse: canonical values in the file's order.
    pub(super) fn canonical_to_file<T: Copy>(self, canonical: ArrayView3<'_, T>) -> Vec<T> {
        let mut view = canonical;
        for (position, axis) in self.axis_of_canonical().into_iter().enumerate() {
            if !self.positive[axis] {
                view.invert_axis(Axis(position));
            }
        }
        // Canonical position of k, j and i: the world axes counted from S.
        let order = [2, 1, 0].map(|axis| 2 - self.world[axis]);
        view.permuted_axes(order).iter().copied().collect()
    }
}

/// Columns of the orthogonal matrix nearest to the affine's directions, by Newton's iteration for the
/// polar decomposition, R ← (R + R⁻ᵀ) / 2 (Higham, SIAM J. Sci. Stat. Comput. 7, 1986).
fn nearest_rotation(affine: &Affine) -> [[f64; 3]; 3] {
    let mut columns = [0, 1, 2].map(|axis| {
        let column = affine.column(axis);
        column.map(|value| value / norm(column))
    });
    // Convergence is quadratic; before that, iterations halve the largest singular value of the inverse, which the grid
    // has checked not to be large.
    for _ in 0..50 {
        let [a, b, c] = columns;
        let cofactors = [cross(b, c), cross(c, a), cross(a, b)];
        let determinant = dot(a, cofactors[0]);
        let mut change: f64 = 0.0;
        for (column, cofactor) in columns.iter_mut().zip(cofactors) {
            for (value, inverse) in column.iter_mut().zip(cofactor) {
                let next = 0.5 * (*value + inverse / determinant);
                change = change.max((next - *value).abs());
                *value = next;
            }
        }
        if change < 1e-12 {
            break;
        }
    }
    columns
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

/// Which anatomical axes a tensor's depth, height and width are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AxisOrder {
    /// Depth runs to superior, height to anterior, width to the right: depth counts slices. This is the axis order of
    /// nnU-Net and SimpleITK, but not their directions: their height runs to posterior and their width to the left
    /// (LPS).
    #[default]
    Zyx,
    /// Depth runs to the right, height to anterior, width to superior, as MONAI loads a volume.
    Xyz,
}

impl AxisOrder {
    /// From canonical axes [superior, anterior, right] to this order, and back: both are the same permutation.
    pub fn arrange<T: Clone>(self, volume: Array3<T>) -> Array3<T> {
        match self {
            Self::Zyx => volume,
            Self::Xyz => volume.permuted_axes([2, 1, 0]).as_standard_layout().into_owned(),
        }
    }

    /// Values along canonical axes (sizes, spacings) in this order, and back.
    pub fn arrange_sides<T>(self, [superior, anterior, right]: [T; 3]) -> [T; 3] {
        match self {
            Self::Zyx => [superior, anterior, right],
            Self::Xyz => [right, anterior, superior],
        }
    }

    /// The tensor axis from foot to head, across the slices of most scans.
    pub(crate) fn slice_axis(self) -> usize {
        match self {
            Self::Zyx => 0,
            Self::Xyz => 2,
        }
    }
}
