//! Blocks of channels become blocks of voxels, for transposed convolutions whose kernel is their stride.

use burn::backend::{Cube, TensorMetadata};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{arg, dims, empty, row, units};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::DepthToSpace;

/// Copies between channels `[outer, kd, kh, kw, d, h, w]` and space `[outer, d, kd, h, kh, w, kw]`, by the place in
/// space; `back` is from space to channels.
#[cube(launch)]
fn blocks_kernel(
    x: &[f32],
    y: &mut [f32],
    kd: usize,
    kh: usize,
    kw: usize,
    d: usize,
    h: usize,
    w: usize,
    #[comptime] back: bool,
) {
    if ABSOLUTE_POS < y.len() {
        let column = ABSOLUTE_POS % (w * kw);
        let line = ABSOLUTE_POS / (w * kw);
        let slice = line / (h * kh);
        let outer = slice / (d * kd);
        let (line, slice) = (line % (h * kh), slice % (d * kd));
        let tap = ((outer * kd + slice % kd) * kh + line % kh) * kw + column % kw;
        let channel = ((tap * d + slice / kd) * h + line / kh) * w + column / kw;
        if back {
            y[channel] = x[ABSOLUTE_POS];
        } else {
            y[ABSOLUTE_POS] = x[channel];
        }
    }
}

fn launch(x: &CubeTensor, y: &CubeTensor, [kd, kh, kw]: [usize; 3], [d, h, w]: [usize; 3], back: bool) {
    let (cubes, dim) = units(y.shape().num_elements());
    blocks_kernel::launch(&x.client, cubes, dim, arg(x), arg(y), kd, kh, kw, d, h, w, back);
}

impl Operation<Cube, 1, 0> for DepthToSpace {
    /// Batch, channels and size before the change.
    type Kept = [usize; 5];

    fn forward(&self, [x]: [CubeTensor; 1]) -> (CubeTensor, [usize; 5]) {
        let x = row(x);
        let [kd, kh, kw] = self.kernel;
        let [batch, channels, d, h, w] = dims(&x);
        let y = empty(&x, [batch, channels / (kd * kh * kw), d * kd, h * kh, w * kw]);
        launch(&x, &y, self.kernel, [d, h, w], false);
        (y, [batch, channels, d, h, w])
    }

    fn needed<T>(_inputs: [T; 1]) -> [T; 0] {
        []
    }

    fn backward(
        self,
        []: [CubeTensor; 0],
        sizes: [usize; 5],
        dy: CubeTensor,
        _wanted: [bool; 1],
    ) -> [Option<CubeTensor>; 1] {
        let dy = row(dy);
        let [_, _, d, h, w] = sizes;
        let dx = empty(&dy, sizes);
        launch(&dy, &dx, self.kernel, [d, h, w], true);
        [Some(dx)]
    }
}
