//! The channels of two volumes, one after the other.

use burn::backend::{Cube, TensorMetadata};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{arg, dims, empty, row, units};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::ConcatChannels;

/// `first` and `second` are the values of one sample in each volume.
#[cube(launch)]
fn join_kernel(a: &[f32], b: &[f32], y: &mut [f32], first: usize, second: usize) {
    if ABSOLUTE_POS < y.len() {
        let sample = ABSOLUTE_POS / (first + second);
        let place = ABSOLUTE_POS % (first + second);
        if place < first {
            y[ABSOLUTE_POS] = a[sample * first + place];
        } else {
            y[ABSOLUTE_POS] = b[sample * second + place - first];
        }
    }
}

/// Of samples of `all` values those from `start` on, `count` of each.
#[cube(launch)]
fn part_kernel(x: &[f32], y: &mut [f32], all: usize, start: usize, count: usize) {
    if ABSOLUTE_POS < y.len() {
        y[ABSOLUTE_POS] = x[ABSOLUTE_POS / count * all + start + ABSOLUTE_POS % count];
    }
}

impl Operation<Cube, 2, 0> for ConcatChannels {
    /// Channels of the first.
    type Kept = usize;

    fn forward(&self, [a, b]: [CubeTensor; 2]) -> (CubeTensor, usize) {
        let (a, b) = (row(a), row(b));
        let [batch, first, d, h, w] = dims(&a);
        let second = dims::<5>(&b)[1];
        let voxels = d * h * w;
        let y = empty(&a, [batch, first + second, d, h, w]);
        let (cubes, dim) = units(y.shape().num_elements());
        join_kernel::launch(
            &a.client,
            cubes,
            dim,
            arg(&a),
            arg(&b),
            arg(&y),
            first * voxels,
            second * voxels,
        );
        (y, first)
    }

    fn needed<T>(_inputs: [T; 2]) -> [T; 0] {
        []
    }

    fn backward(
        self,
        []: [CubeTensor; 0],
        first: usize,
        dy: CubeTensor,
        [of_a, of_b]: [bool; 2],
    ) -> [Option<CubeTensor>; 2] {
        let dy = row(dy);
        let [batch, all, d, h, w] = dims(&dy);
        let part = |start: usize, channels: usize| {
            let dx = empty(&dy, [batch, channels, d, h, w]);
            let (cubes, dim) = units(dx.shape().num_elements());
            let values = [all, start, channels].map(|count| count * d * h * w);
            let [all, start, count] = values;
            part_kernel::launch(&dy.client, cubes, dim, arg(&dy), arg(&dx), all, start, count);
            dx
        };
        [of_a.then(|| part(0, first)), of_b.then(|| part(first, all - first))]
    }
}
