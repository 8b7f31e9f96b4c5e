//! Sum and leaky ReLU in one launch, for the end of a residual block.

use burn::backend::{Cube, TensorMetadata};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{arg, empty, row, units};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::AddLeaky;

#[cube(launch)]
fn forward_kernel(a: &[f32], b: &[f32], y: &mut [f32], slope: f32) {
    if ABSOLUTE_POS < y.len() {
        let sum = a[ABSOLUTE_POS] + b[ABSOLUTE_POS];
        y[ABSOLUTE_POS] = select(sum > 0.0, sum, sum * slope);
    }
}

#[cube(launch)]
fn backward_kernel(y: &[f32], dy: &[f32], dx: &mut [f32], slope: f32) {
    if ABSOLUTE_POS < dx.len() {
        let dy = dy[ABSOLUTE_POS];
        dx[ABSOLUTE_POS] = select(y[ABSOLUTE_POS] > 0.0, dy, dy * slope);
    }
}

impl Operation<Cube, 2, 0> for AddLeaky {
    /// The result, which has the sum's sign since the slope is not negative.
    type Kept = CubeTensor;

    fn forward(&self, [a, b]: [CubeTensor; 2]) -> (CubeTensor, CubeTensor) {
        let (a, b) = (row(a), row(b));
        let y = empty(&a, a.shape());
        let (cubes, dim) = units(a.shape().num_elements());
        forward_kernel::launch(&a.client, cubes, dim, arg(&a), arg(&b), arg(&y), self.slope);
        (y.clone(), y)
    }

    fn needed<T>(_inputs: [T; 2]) -> [T; 0] {
        []
    }

    fn backward(
        self,
        []: [CubeTensor; 0],
        y: CubeTensor,
        dy: CubeTensor,
        _wanted: [bool; 2],
    ) -> [Option<CubeTensor>; 2] {
        let dy = row(dy);
        let dx = empty(&dy, dy.shape());
        let (cubes, dim) = units(dy.shape().num_elements());
        backward_kernel::launch(&dy.client, cubes, dim, arg(&y), arg(&dy), arg(&dx), self.slope);
        [Some(dx.clone()), Some(dx)]
    }
}
