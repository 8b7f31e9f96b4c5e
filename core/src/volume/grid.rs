//! Where the voxels are: array size, and the affine from voxel indices to millimetres.

use ndarray::Array3;
use nifti::NiftiHeader;

use super::header::join;
use super::{Orientation, Result, VolumeError};

/// Grids whose corners are closer than this many voxels are the same grid: 32-bit quaternions and
/// different writers' rounding stay well below, a shift that matters is above.
pub const SAME_GRID_VOXELS: f64 = 0.1;

/// The affine map from voxel indices (i, j, k) to millimetres (x to the right, y to the front, z up:
/// RAS+). Row r is `[m_r0, m_r1, m_r2, translation_r]`.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Affine(pub [[f64; 4]; 3]);

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
    /// From (i, j, k) to millimetres.
    pub affine: Affine,
    /// Where the affine came from.
    pub form: Form,
}

impl Affine {
    /// Millimetre position of a (fractional) voxel index.
    pub fn apply(&self, ijk: [f64; 3]) -> [f64; 3] {
        self.0
            .map(|row| row[0] * ijk[0] + row[1] * ijk[1] + row[2] * ijk[2] + row[3])
    }

    /// From millimetres to (fractional) voxel indices; `None` where the axes do not span space.
    pub fn inverse(&self) -> Option<Affine> {
        let [a, b, c] = [self.column(0), self.column(1), self.column(2)];
        let determinant = self.determinant();
        let cross = |u: [f64; 3], v: [f64; 3]| {
            [
                u[1] * v[2] - u[2] * v[1],
                u[2] * v[0] - u[0] * v[2],
                u[0] * v[1] - u[1] * v[0],
            ]
        };
        let rows = [cross(b, c), cross(c, a), cross(a, b)].map(|row| row.map(|v| v / determinant));
        let origin = self.column(3);
        let inverse = rows.map(|[x, y, z]| {
            let back = x * origin[0] + y * origin[1] + z * origin[2];
            [x, y, z, -back]
        });
        let finite = inverse.iter().flatten().all(|value| value.is_finite());
        finite.then_some(Affine(inverse))
    }

    /// The step in mm from one voxel to the next along i, j or k.
    pub(super) fn column(&self, axis: usize) -> [f64; 3] {
        self.0.map(|row| row[axis])
    }

    /// Volume of a voxel in mm³, negative where i, j and k are mirrored.
    pub(super) fn determinant(&self) -> f64 {
        let [a, b, c] = [self.column(0), self.column(1), self.column(2)];
        a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0])
            + a[2] * (b[0] * c[1] - b[1] * c[0])
    }

    /// Whether the axes span space: finite, none of length zero, not in one plane.
    fn is_usable(&self) -> bool {
        let product: f64 = (0..3).map(|axis| norm(self.column(axis))).product();
        let finite = self.0.iter().flatten().all(|value| value.is_finite());
        finite && product.is_normal() && self.determinant().abs() > 1e-4 * product
    }
}

pub(super) fn norm(vector: [f64; 3]) -> f64 {
    vector.iter().map(|value| value * value).sum::<f64>().sqrt()
}

impl Grid {
    /// The grid of a header: sform before qform before voxel sizes, as nibabel and ITK 5.2 choose.
    /// Sentences about what was odd are added to `warnings`.
    pub(super) fn from_header(
        fields: &NiftiHeader,
        dims: [usize; 3],
        warnings: &mut Vec<String>,
    ) -> Grid {
        if fields.xyzt_units & 7 == 1 || fields.xyzt_units & 7 == 3 {
            warnings.push(
                "the header gives lengths in metres or micrometres; they are read as mm".into(),
            );
        }
        let grid = |affine, form| Grid { dims, affine, form };
        let usable = |affine: &Affine, name: &str, warnings: &mut Vec<String>| {
            let usable = affine.is_usable();
            if !usable {
                warnings.push(format!(
                    "the {name} in the header is not usable and was passed over"
                ));
            }
            usable
        };
        let sform = (fields.sform_code > 0)
            .then(|| sform(fields))
            .filter(|affine| usable(affine, "sform", warnings))
            .map(|affine| grid(affine, Form::Sform));
        let qform = (fields.qform_code > 0)
            .then(|| qform(fields, sform.is_none(), warnings))
            .filter(|affine| usable(affine, "qform", warnings))
            .map(|affine| grid(affine, Form::Qform));
        if let (Some(sform), Some(qform)) = (&sform, &qform) {
            let distance = sform.corner_distance(qform);
            if distance >= SAME_GRID_VOXELS {
                warnings.push(format!(
                    "sform and qform place the volume differently (by {distance:.1} voxels); the sform is used"
                ));
            }
        }
        sform.or(qform).unwrap_or_else(|| {
            warnings.push(
                "the header has no orientation; left and right are a guess, check them before use"
                    .into(),
            );
            grid(
                base_affine(spacing(fields, true, warnings), dims),
                Form::None,
            )
        })
    }

    /// Number of voxels.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Whether there is no voxel at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Voxel size along i, j and k in mm.
    pub fn spacing(&self) -> [f64; 3] {
        [0, 1, 2].map(|axis| norm(self.affine.column(axis)))
    }

    /// How the array lies in the patient.
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

    /// Voxels with axes \[S, A, R\] in the file's order (i fastest).
    pub(super) fn place<T: Copy>(&self, canonical: &Array3<T>) -> Result<Vec<T>> {
        let shape = self.canonical_dims();
        if canonical.shape() != shape {
            return Err(VolumeError::ShapeMismatch {
                array: join(canonical.shape()),
                grid: join(&shape),
            });
        }
        Ok(self.array_orientation().canonical_to_file(canonical.view()))
    }

    /// Letters of the directions in which i, j and k grow, such as `RAS` or `LPS`.
    pub fn orientation(&self) -> String {
        self.array_orientation().letters()
    }

    /// Volume of one voxel in mL.
    pub fn voxel_ml(&self) -> f64 {
        self.affine.determinant().abs() / 1000.0
    }

    /// Largest angle between an array axis and the world axis it stands for, in degrees; 0 for a
    /// grid that is parallel to the patient's axes.
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

    /// Largest distance between the same corner of the two grids, in voxels of this grid (its
    /// shortest side).
    pub fn corner_distance(&self, other: &Grid) -> f64 {
        let pairs = self.corners().into_iter().zip(other.corners());
        pairs.map(|(a, b)| self.distance(a, b)).fold(0.0, f64::max)
    }

    /// Millimetre positions of the eight corner voxels.
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

fn sform(fields: &NiftiHeader) -> Affine {
    Affine([fields.srow_x, fields.srow_y, fields.srow_z].map(|row| row.map(f64::from)))
}

/// Rotation from the quaternion, times voxel sizes; qfac mirrors k (NIfTI-1 method 2). `used` says
/// whether the caller wants to hear about odd values.
fn qform(fields: &NiftiHeader, used: bool, warnings: &mut Vec<String>) -> Affine {
    let [mut b, mut c, mut d] =
        [fields.quatern_b, fields.quatern_c, fields.quatern_d].map(f64::from);
    let square = b * b + c * c + d * d;
    // Rounding leaves half turns a little above 1: there a is 0 and the rest is scaled back.
    let a = (1.0 - square).max(0.0).sqrt();
    if square > 1.0 {
        [b, c, d] = [b, c, d].map(|value| value / square.sqrt());
        if used && square > 1.0 + 1e-3 {
            warnings.push("the header's quaternion is longer than 1 and was scaled back".into());
        }
    }
    let [x, y, z] = spacing(fields, used, warnings);
    // 0 and NaN mean +1: only a negative value mirrors.
    let z = if fields.pixdim[0] < 0.0 { -z } else { z };
    let rotation = [
        [
            a * a + b * b - c * c - d * d,
            2.0 * (b * c - a * d),
            2.0 * (b * d + a * c),
        ],
        [
            2.0 * (b * c + a * d),
            a * a + c * c - b * b - d * d,
            2.0 * (c * d - a * b),
        ],
        [
            2.0 * (b * d - a * c),
            2.0 * (c * d + a * b),
            a * a + d * d - b * b - c * c,
        ],
    ];
    let offset = [fields.quatern_x, fields.quatern_y, fields.quatern_z].map(f64::from);
    Affine([0, 1, 2].map(|row| {
        let [u, v, w] = rotation[row];
        [u * x, v * y, w * z, offset[row]]
    }))
}

/// Voxel sizes from pixdim; what cannot be a size is repaired.
fn spacing(fields: &NiftiHeader, used: bool, warnings: &mut Vec<String>) -> [f64; 3] {
    [1, 2, 3].map(|axis| {
        let size = f64::from(fields.pixdim[axis]);
        let repaired = if size == 0.0 || !size.is_finite() {
            1.0
        } else {
            size.abs()
        };
        if used && repaired != size {
            warnings.push(format!(
                "voxel size {axis} in the header is {size}; {repaired} mm is used"
            ));
        }
        repaired
    })
}

/// Method 1, as nibabel reads it: x grows to the left, the origin is in the middle.
fn base_affine(spacing: [f64; 3], dims: [usize; 3]) -> Affine {
    let step = [-spacing[0], spacing[1], spacing[2]];
    Affine([0, 1, 2].map(|row| {
        let mut values = [0.0; 4];
        values[row] = step[row];
        values[3] = -step[row] * (dims[row] as f64 - 1.0) / 2.0;
        values
    }))
}
