//! The voxel grid: array size and affine.

use ndarray::Array3;

use super::affine::norm;
use super::{Affine, Orientation, Result, VolumeError};

/// Grids whose corners are closer than this many voxels are the same grid: 32-bit quaternions and rounding by different
/// writers stay well below, shifts that matter are above.
pub const SAME_GRID_VOXELS: f64 = 0.1;

/// Which header fields the affine came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Form {
    /// `srow_*` (NIfTI-1 method 3).
    Sform,
    /// The quaternion (method 2).
    Qform,
    /// Neither: voxel sizes only, so left and right are a guess (method 1).
    None,
}

/// Size and place of a volume.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Grid {
    /// Voxels along i, j and k, the file's order (i fastest).
    pub dims: [usize; 3],
    /// From (i, j, k) to millimeters.
    pub affine: Affine,
    /// Where the affine came from.
    pub form: Form,
}

impl Grid {
    /// Number of voxels.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Whether there are no voxels.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Voxel size along i, j and k in mm.
    pub fn spacing(&self) -> [f64; 3] {
        [0, 1, 2].map(|axis| norm(self.affine.column(axis)))
    }

    /// Orientation of the array in the patient.
    pub fn array_orientation(&self) -> Orientation {
        Orientation::of(&self.affine)
    }

    /// Voxel size along the canonical axes \[depth (S), height (A), width (R)\] in mm.
    pub fn canonical_spacing(&self) -> [f64; 3] {
        self.array_orientation().canonical(self.spacing())
    }

    /// Shape of the canonical array, \[depth (S), height (A), width (R)\].
    pub fn canonical_dims(&self) -> [usize; 3] {
        self.array_orientation().canonical(self.dims)
    }

    /// Millimeter position (RAS+) of an index along the canonical axes \[depth, height, width\], perhaps between
    /// voxels.
    pub fn canonical_position(&self, index: [f64; 3]) -> [f64; 3] {
        self.affine
            .apply(self.array_orientation().index_in_file(index, self.dims))
    }

    /// Voxels with axes \[S, A, R\] in the file's order (i fastest).
    pub(super) fn place<T: Copy>(&self, canonical: &Array3<T>) -> Result<Vec<T>> {
        let shape = self.canonical_dims();
        if canonical.shape() != shape {
            return Err(VolumeError::ShapeMismatch {
                array: format_dims(canonical.shape()),
                grid: format_dims(&shape),
            });
        }
        Ok(self.array_orientation().canonical_to_file(canonical.view()))
    }

    /// Letters of the directions of i, j and k, such as `RAS` or `LPS`.
    pub fn orientation(&self) -> String {
        self.array_orientation().letters()
    }

    /// Volume of one voxel in mL.
    pub fn voxel_ml(&self) -> f64 {
        self.affine.determinant().abs() / 1000.0
    }

    /// Largest angle between an array axis and its world axis, in degrees; 0 for a grid parallel to the patient's axes.
    pub fn oblique_degrees(&self) -> f64 {
        let orientation = self.array_orientation();
        (0..3)
            .map(|axis| {
                let step = self.affine.column(axis);
                let along = step[orientation.world_axis(axis)].abs();
                let across = (norm(step).powi(2) - along * along).max(0.0).sqrt();
                across.atan2(along).to_degrees()
            })
            .fold(0.0, f64::max)
    }

    /// Largest distance between corresponding corners of two grids, in voxels of this grid (their shortest side).
    pub fn corner_distance(&self, other: &Grid) -> f64 {
        let pairs = self.corners().into_iter().zip(other.corners());
        pairs.map(|(a, b)| self.distance(a, b)).fold(0.0, f64::max)
    }

    /// Millimeter positions of the eight corner voxels.
    fn corners(&self) -> [[f64; 3]; 8] {
        std::array::from_fn(|corner| {
            self.affine.apply([0, 1, 2].map(|axis| {
                let last = self.dims[axis].saturating_sub(1) as f64;
                if corner >> axis & 1 == 1 { last } else { 0.0 }
            }))
        })
    }

    /// Distance of two positions in voxels of the shortest side.
    fn distance(&self, a: [f64; 3], b: [f64; 3]) -> f64 {
        let shortest = self.spacing().into_iter().fold(f64::INFINITY, f64::min);
        norm([a[0] - b[0], a[1] - b[1], a[2] - b[2]]) / shortest
    }
}

/// Sizes along several axes, as `a×b×c`.
pub fn format_dims(sizes: &[usize]) -> String {
    let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    sizes.join("×")
}
