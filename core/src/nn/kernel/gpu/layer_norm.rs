//! Layer norm with gain and bias: a workgroup takes a row.

use burn::backend::{Cube, TensorMetadata};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{SUMMING, SUMS, arg, cubes, empty, row, sum_of_cube, units};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::numbers::EPSILON;
use crate::nn::kernel::operations::LayerNorm;

/// The result; and mean and reciprocal deviation of each row, `[row, 2]`.
#[cube(launch)]
fn forward_kernel(x: &[f32], gain: &[f32], bias: &[f32], y: &mut [f32], moments: &mut [f32]) {
    if CUBE_POS * 2 < moments.len() {
        let mut shared = Shared::<[f32]>::new_slice(SUMS);
        let width = gain.len();
        let start = CUBE_POS * width;
        let mut sum = 0.0f32;
        let mut column = UNIT_POS as usize;
        while column < width {
            sum += x[start + column];
            column += SUMMING;
        }
        let mean = sum_of_cube(sum, &mut shared) / f32::cast_from(width);
        let mut squares = 0.0f32;
        column = UNIT_POS as usize;
        while column < width {
            let deviation = x[start + column] - mean;
            squares += deviation * deviation;
            column += SUMMING;
        }
        let variance = sum_of_cube(squares, &mut shared) / f32::cast_from(width);
        let scale = 1.0 / (variance + EPSILON as f32).sqrt();
        column = UNIT_POS as usize;
        while column < width {
            y[start + column] = (x[start + column] - mean) * scale * gain[column] + bias[column];
            column += SUMMING;
        }
        if UNIT_POS == 0 {
            moments[2 * CUBE_POS] = mean;
            moments[2 * CUBE_POS + 1] = scale;
        }
    }
}

/// The gradient of the input.
#[cube(launch)]
fn gradient_kernel(x: &[f32], dy: &[f32], gain: &[f32], moments: &[f32], dx: &mut [f32]) {
    if CUBE_POS * 2 < moments.len() {
        let mut shared = Shared::<[f32]>::new_slice(SUMS);
        let width = gain.len();
        let start = CUBE_POS * width;
        let (mean, scale) = (moments[2 * CUBE_POS], moments[2 * CUBE_POS + 1]);
        let mut sum = 0.0f32;
        let mut slant = 0.0f32;
        let mut column = UNIT_POS as usize;
        while column < width {
            let gradient = dy[start + column] * gain[column];
            sum += gradient;
            slant += gradient * (x[start + column] - mean) * scale;
            column += SUMMING;
        }
        let sum = sum_of_cube(sum, &mut shared) / f32::cast_from(width);
        let slant = sum_of_cube(slant, &mut shared) / f32::cast_from(width);
        column = UNIT_POS as usize;
        while column < width {
            let normal = (x[start + column] - mean) * scale;
            dx[start + column] = scale * (dy[start + column] * gain[column] - sum - normal * slant);
            column += SUMMING;
        }
    }
}

/// Of each run of rows the gradients of gain and bias, `[run, 2, column]`.
#[cube(launch)]
fn affine_kernel(x: &[f32], dy: &[f32], moments: &[f32], parts: &mut [f32], width: usize, run: usize) {
    let column = ABSOLUTE_POS % width;
    let part = ABSOLUTE_POS / width;
    if (2 * part + 1) * width + column < parts.len() {
        let rows = moments.len() / 2;
        let mut gain = 0.0f32;
        let mut bias = 0.0f32;
        let mut row = part * run;
        while row < rows && row < (part + 1) * run {
            let dy = dy[row * width + column];
            gain += dy * (x[row * width + column] - moments[2 * row]) * moments[2 * row + 1];
            bias += dy;
            row += 1;
        }
        parts[2 * part * width + column] = gain;
        parts[(2 * part + 1) * width + column] = bias;
    }
}

/// The sums over runs, of gain and bias.
#[cube(launch)]
fn affine_sums_kernel(parts: &[f32], gain: &mut [f32], bias: &mut [f32]) {
    let width = gain.len();
    if ABSOLUTE_POS < width {
        let mut of_gain = 0.0f32;
        let mut of_bias = 0.0f32;
        for run in 0..parts.len() / (2 * width) {
            of_gain += parts[2 * run * width + ABSOLUTE_POS];
            of_bias += parts[(2 * run + 1) * width + ABSOLUTE_POS];
        }
        gain[ABSOLUTE_POS] = of_gain;
        bias[ABSOLUTE_POS] = of_bias;
    }
}

/// Rows of which one invocation adds up a column.
const RUN: usize = 64;

impl Operation<Cube, 3, 2> for LayerNorm {
    /// Mean and reciprocal deviation of each row.
    type Kept = CubeTensor;

    fn forward(&self, inputs: [CubeTensor; 3]) -> (CubeTensor, CubeTensor) {
        let [x, gain, bias] = inputs.map(row);
        let rows = x.shape().num_elements() / gain.shape().num_elements();
        let (y, moments) = (empty(&x, x.shape()), empty(&x, [rows, 2]));
        forward_kernel::launch(
            &x.client,
            cubes(rows),
            CubeDim::new_1d(SUMMING as u32),
            arg(&x),
            arg(&gain),
            arg(&bias),
            arg(&y),
            arg(&moments),
        );
        (y, moments)
    }

    fn needed<T>([x, gain, _bias]: [T; 3]) -> [T; 2] {
        [x, gain]
    }

    fn backward(
        self,
        needed: [CubeTensor; 2],
        moments: CubeTensor,
        dy: CubeTensor,
        _wanted: [bool; 3],
    ) -> [Option<CubeTensor>; 3] {
        let ([x, gain], dy) = (needed.map(row), row(dy));
        let width = gain.shape().num_elements();
        let rows = x.shape().num_elements() / width;
        let dx = empty(&x, x.shape());
        gradient_kernel::launch(
            &x.client,
            cubes(rows),
            CubeDim::new_1d(SUMMING as u32),
            arg(&x),
            arg(&dy),
            arg(&gain),
            arg(&moments),
            arg(&dx),
        );
        let runs = rows.div_ceil(RUN);
        let parts = empty(&x, [runs, 2, width]);
        let (cubes, dim) = units(runs * width);
        affine_kernel::launch(
            &x.client,
            cubes,
            dim,
            arg(&x),
            arg(&dy),
            arg(&moments),
            arg(&parts),
            width,
            RUN,
        );
        let [dgain, dbias] = [0, 1].map(|_| empty(&x, [width]));
        let (cubes, dim) = units(width);
        affine_sums_kernel::launch(&x.client, cubes, dim, arg(&parts), arg(&dgain), arg(&dbias));
        [Some(dx), Some(dgain), Some(dbias)]
    }
}
