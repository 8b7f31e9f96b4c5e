//! The exact GELU, x · Φ(x).

use burn::backend::{Cube, TensorMetadata};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{arg, empty, row, units};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::Gelu;

/// 1 / √2 and 1 / √(2π).
const HALF_ROOT: f32 = std::f32::consts::FRAC_1_SQRT_2;
const DENSITY: f32 = 0.398_942_3;

/// The factor of x² in a normal density's exponent.
const HALF_DOWN: f32 = -0.5;

#[cube(launch)]
fn forward_kernel(x: &[f32], y: &mut [f32]) {
    if ABSOLUTE_POS < y.len() {
        let x = x[ABSOLUTE_POS];
        y[ABSOLUTE_POS] = 0.5 * x * (1.0 + Erf::erf(x * HALF_ROOT));
    }
}

#[cube(launch)]
fn backward_kernel(x: &[f32], dy: &[f32], dx: &mut [f32]) {
    if ABSOLUTE_POS < dx.len() {
        let x = x[ABSOLUTE_POS];
        let share = 0.5 * (1.0 + Erf::erf(x * HALF_ROOT));
        dx[ABSOLUTE_POS] = dy[ABSOLUTE_POS] * (share + x * DENSITY * (x * x * HALF_DOWN).exp());
    }
}

impl Operation<Cube, 1, 1> for Gelu {
    type Kept = ();

    fn forward(&self, [x]: [CubeTensor; 1]) -> (CubeTensor, ()) {
        let x = row(x);
        let y = empty(&x, x.shape());
        let (cubes, dim) = units(x.shape().num_elements());
        forward_kernel::launch(&x.client, cubes, dim, arg(&x), arg(&y));
        (y, ())
    }

    fn needed<T>(inputs: [T; 1]) -> [T; 1] {
        inputs
    }

    fn backward(self, [x]: [CubeTensor; 1], (): (), dy: CubeTensor, _wanted: [bool; 1]) -> [Option<CubeTensor>; 1] {
        let (x, dy) = (row(x), row(dy));
        let dx = empty(&x, x.shape());
        let (cubes, dim) = units(x.shape().num_elements());
        backward_kernel::launch(&x.client, cubes, dim, arg(&x), arg(&dy), arg(&dx));
        [Some(dx)]
    }
}
