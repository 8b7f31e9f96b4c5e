//! A bias for each channel: one launch forward, and two backward, or one where there is little to sum.

use burn::backend::{Cube, TensorMetadata};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{SUMMING, SUMS, arg, cubes, dims, empty, row, sum_all_parts, sum_of_cube, units};
use super::linear::column_sums;
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::AddBias;

/// Values of a channel that a workgroup adds up.
const CHUNK: usize = 4096;

#[cube(launch)]
fn add_kernel(x: &[f32], bias: &[f32], y: &mut [f32], inner: usize) {
    if ABSOLUTE_POS < y.len() {
        y[ABSOLUTE_POS] = x[ABSOLUTE_POS] + bias[ABSOLUTE_POS / inner % bias.len()];
    }
}

/// The sums over chunks, `[sample, chunk, channel]`.
#[cube(launch)]
fn sums_kernel(dy: &[f32], parts: &mut [f32], channels: usize, inner: usize, chunks: usize) {
    if CUBE_POS < parts.len() {
        let mut shared = Shared::<[f32]>::new_slice(SUMS);
        let channel = CUBE_POS % channels;
        let chunk = CUBE_POS / channels % chunks;
        let row = CUBE_POS / channels / chunks * channels + channel;
        let first = chunk * CHUNK;
        let end = select(first + CHUNK < inner, first + CHUNK, inner);
        let mut sum = 0.0f32;
        let mut place = first + UNIT_POS as usize;
        while place < end {
            sum += dy[row * inner + place];
            place += SUMMING;
        }
        let sum = sum_of_cube(sum, &mut shared);
        if UNIT_POS == 0 {
            parts[CUBE_POS] = sum;
        }
    }
}

/// The sum of each channel's values, `[channel]`, from `[sample, channel, value]`.
fn channel_sums(dy: &CubeTensor) -> CubeTensor {
    let [outer, channels, inner] = dims(dy);
    if inner == 1 {
        return column_sums(dy, [outer, channels]);
    }
    let chunks = inner.div_ceil(CHUNK);
    let parts = empty(dy, [outer * chunks, channels]);
    let (count, dim) = (cubes(outer * chunks * channels), CubeDim::new_1d(SUMMING as u32));
    sums_kernel::launch(&dy.client, count, dim, arg(dy), arg(&parts), channels, inner, chunks);
    sum_all_parts(parts, outer * chunks, [channels])
}

impl Operation<Cube, 2, 0> for AddBias {
    type Kept = ();

    fn forward(&self, [x, bias]: [CubeTensor; 2]) -> (CubeTensor, ()) {
        let (x, bias) = (row(x), row(bias));
        let inner = dims::<3>(&x)[2];
        let y = empty(&x, x.shape());
        let (cubes, dim) = units(x.shape().num_elements());
        add_kernel::launch(&x.client, cubes, dim, arg(&x), arg(&bias), arg(&y), inner);
        (y, ())
    }

    fn needed<T>(_inputs: [T; 2]) -> [T; 0] {
        []
    }

    fn backward(self, []: [CubeTensor; 0], (): (), dy: CubeTensor, [_, of_bias]: [bool; 2]) -> [Option<CubeTensor>; 2] {
        let dy = row(dy);
        let of_bias = of_bias.then(|| channel_sums(&dy));
        [Some(dy), of_bias]
    }
}
