//! The affine matrix from voxel indices to millimeters.

/// The affine map from voxel indices (i, j, k) to millimeters (x to the right, y to the front, z up:
/// RAS+). Row r is `[m_r0, m_r1, m_r2, translation_r]`.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Affine(pub [[f64; 4]; 3]);

impl Affine {
    /// Millimeter position of a (fractional) voxel index.
    pub fn apply(&self, ijk: [f64; 3]) -> [f64; 3] {
        self.0
            .map(|row| row[0] * ijk[0] + row[1] * ijk[1] + row[2] * ijk[2] + row[3])
    }

    /// From millimeters to (fractional) voxel indices; `None` if the axes are linearly dependent.
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
        a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0])
    }

    /// Whether the axes span space: finite, nonzero and linearly independent.
    pub(super) fn is_usable(&self) -> bool {
        let product: f64 = (0..3).map(|axis| norm(self.column(axis))).product();
        let finite = self.0.iter().flatten().all(|value| value.is_finite());
        finite && product.is_normal() && self.determinant().abs() > 1e-4 * product
    }
}

/// Length of a vector.
pub(super) fn norm(vector: [f64; 3]) -> f64 {
    vector.iter().map(|value| value * value).sum::<f64>().sqrt()
}
