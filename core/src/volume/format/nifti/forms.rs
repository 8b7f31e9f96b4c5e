//! Where a NIfTI-1 header says that its voxels are: the three methods of the standard.

use nifti::NiftiHeader;

use super::header::Header;
use crate::volume::{Affine, Form, Grid, SAME_GRID_VOXELS};

impl Header {
    /// The grid of a frame with these sizes according to this header: sform before qform before voxel sizes, as in
    /// nibabel and ITK 5.2. Oddities are added to `warnings`.
    pub(in crate::volume) fn grid(&self, dims: [usize; 3], warnings: &mut Vec<String>) -> Grid {
        let fields = &self.fields;
        if fields.xyzt_units & 7 == 1 || fields.xyzt_units & 7 == 3 {
            warnings.push("the header gives lengths in meters or micrometers; they are read as mm".into());
        }
        let grid = |affine, form| Grid { dims, affine, form };
        let usable = |affine: &Affine, name: &str, warnings: &mut Vec<String>| {
            let usable = affine.is_usable();
            if !usable {
                warnings.push(format!("the {name} in the header is not usable and was ignored"));
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
            warnings.push("the header has no orientation; left and right are a guess, check them before use".into());
            grid(base_affine(spacing(fields, true, warnings), dims), Form::None)
        })
    }
}

fn sform(fields: &NiftiHeader) -> Affine {
    Affine([fields.srow_x, fields.srow_y, fields.srow_z].map(|row| row.map(f64::from)))
}

/// Rotation from the quaternion, times voxel sizes; qfac mirrors k (NIfTI-1 method 2). `used` says whether to warn
/// about odd values.
fn qform(fields: &NiftiHeader, used: bool, warnings: &mut Vec<String>) -> Affine {
    let [mut b, mut c, mut d] = [fields.quatern_b, fields.quatern_c, fields.quatern_d].map(f64::from);
    let square = b * b + c * c + d * d;
    // Rounding leaves half turns slightly above 1: then a is 0 and the rest is rescaled.
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

/// Voxel sizes from pixdim; invalid sizes are repaired.
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
