//! The squared distance of two tensors, relative to the second's squared norm: two launches forward, one backward.

use burn::backend::{Cube, TensorMetadata};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{SUMMING, SUMS, arg, cubes, empty, row, sum_of_cube, units};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::RelativeDistance;

/// Pairs of values of which a workgroup adds up the squares.
const CHUNK: usize = 8192;

/// ‖a − b‖² and ‖b‖² over a chunk, `[chunk, 2]`.
#[cube(launch)]
fn squares_kernel(a: &[f32], b: &[f32], parts: &mut [f32]) {
    if CUBE_POS * 2 < parts.len() {
        let mut shared = Shared::<[f32]>::new_slice(SUMS);
        let first = CUBE_POS * CHUNK;
        let end = select(first + CHUNK < a.len(), first + CHUNK, a.len());
        let mut distance = 0.0f32;
        let mut norm = 0.0f32;
        let mut place = first + UNIT_POS as usize;
        while place < end {
            let difference = a[place] - b[place];
            distance += difference * difference;
            norm += b[place] * b[place];
            place += SUMMING;
        }
        let distance = sum_of_cube(distance, &mut shared);
        let norm = sum_of_cube(norm, &mut shared);
        if UNIT_POS == 0 {
            parts[2 * CUBE_POS] = distance;
            parts[2 * CUBE_POS + 1] = norm;
        }
    }
}

/// The relative distance, and the derivative with respect to a difference divided by that difference.
#[cube(launch)]
fn ratio_kernel(parts: &[f32], ratio: &mut [f32], slope: &mut [f32], epsilon: f32) {
    if CUBE_POS == 0 {
        let mut shared = Shared::<[f32]>::new_slice(SUMS);
        let mut distance = 0.0f32;
        let mut norm = 0.0f32;
        let mut chunk = UNIT_POS as usize;
        while 2 * chunk < parts.len() {
            distance += parts[2 * chunk];
            norm += parts[2 * chunk + 1];
            chunk += SUMMING;
        }
        let distance = sum_of_cube(distance, &mut shared);
        let norm = sum_of_cube(norm, &mut shared) + epsilon;
        if UNIT_POS == 0 {
            ratio[0] = distance / norm;
            slope[0] = 2.0f32 / norm;
        }
    }
}

#[cube(launch)]
fn gradient_kernel(a: &[f32], b: &[f32], slope: &[f32], dy: &[f32], da: &mut [f32]) {
    if ABSOLUTE_POS < da.len() {
        da[ABSOLUTE_POS] = (a[ABSOLUTE_POS] - b[ABSOLUTE_POS]) * slope[0] * dy[0];
    }
}

impl Operation<Cube, 2, 2> for RelativeDistance {
    /// The derivative with respect to a difference, divided by that difference.
    type Kept = CubeTensor;

    fn forward(&self, inputs: [CubeTensor; 2]) -> (CubeTensor, CubeTensor) {
        let axes = inputs[0].shape().num_dims();
        let [a, b] = inputs.map(row);
        let chunks = a.shape().num_elements().div_ceil(CHUNK);
        let parts = empty(&a, [chunks, 2]);
        let workgroup = CubeDim::new_1d(SUMMING as u32);
        squares_kernel::launch(&a.client, cubes(chunks), workgroup, arg(&a), arg(&b), arg(&parts));
        let (ratio, slope) = (empty(&a, vec![1; axes]), empty(&a, [1]));
        ratio_kernel::launch(
            &a.client,
            cubes(1),
            workgroup,
            arg(&parts),
            arg(&ratio),
            arg(&slope),
            self.epsilon as f32,
        );
        (ratio, slope)
    }

    fn needed<T>(inputs: [T; 2]) -> [T; 2] {
        inputs
    }

    fn backward(
        self,
        needed: [CubeTensor; 2],
        slope: CubeTensor,
        dy: CubeTensor,
        _wanted: [bool; 2],
    ) -> [Option<CubeTensor>; 2] {
        let ([a, b], dy) = (needed.map(row), row(dy));
        let da = empty(&a, a.shape());
        let (cubes, dim) = units(a.shape().num_elements());
        gradient_kernel::launch(&a.client, cubes, dim, arg(&a), arg(&b), arg(&slope), arg(&dy), arg(&da));
        [Some(da), None]
    }
}
