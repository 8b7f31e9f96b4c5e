//! Blocks of channels become blocks of voxels, for transposed convolutions whose kernel is their stride.

use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::tensor::Shape;

use super::work::{fill, tensor, values};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::DepthToSpace;

impl Operation<Flex, 1, 0> for DepthToSpace {
    type Kept = Blocks;

    fn forward(&self, [x]: [FlexTensor; 1]) -> (FlexTensor, Blocks) {
        let blocks = Blocks::of(&x.shape(), self.kernel);
        (blocks.to_space(x), blocks)
    }

    fn needed<T>(_inputs: [T; 1]) -> [T; 0] {
        []
    }

    fn backward(
        self,
        []: [FlexTensor; 0],
        blocks: Blocks,
        dy: FlexTensor,
        _wanted: [bool; 1],
    ) -> [Option<FlexTensor>; 1] {
        [Some(blocks.to_depth(dy))]
    }
}

/// Sizes of the two forms: `[outer, kd, kh, kw, d, h, w]` and `[outer, d, kd, h, kh, w, kw]`, where `outer` counts
/// samples and channels.
#[derive(Clone, Copy, Debug)]
pub(in crate::nn::kernel) struct Blocks {
    batch: usize,
    channels: usize,
    kernel: [usize; 3],
    size: [usize; 3],
}

impl Blocks {
    /// The sizes for `[batch, channel · kd · kh · kw, d, h, w]`.
    fn of(shape: &Shape, kernel: [usize; 3]) -> Self {
        Self {
            batch: shape[0],
            channels: shape[1] / kernel.iter().product::<usize>(),
            kernel,
            size: [shape[2], shape[3], shape[4]],
        }
    }

    /// `[batch, channel · kd · kh · kw, d, h, w]` → `[batch, channel, kd·d, kh·h, kw·w]`.
    fn to_space(self, x: FlexTensor) -> FlexTensor {
        let x = x.to_contiguous();
        let x = values(&x);
        let ([kd, kh, kw], [d, h, w]) = (self.kernel, self.size);
        let row = w * kw;
        // A plane of the result at a time: `[h · kh, w · kw]`.
        let (y, _) = fill(x.len(), h * kh * row, |index, target| {
            let (outer, z) = (index / (d * kd), index % (d * kd));
            let mut line = vec![0.0; row];
            for y in 0..h * kh {
                for i in 0..kw {
                    let tap = ((outer * kd + z % kd) * kh + y % kh) * kw + i;
                    let from = ((tap * d + z / kd) * h + y / kh) * w;
                    let places = line.iter_mut().skip(i).step_by(kw);
                    places.zip(&x[from..from + w]).for_each(|(to, &x)| *to = x);
                }
                target.put(&line);
            }
        });
        let shape = [self.batch, self.channels, d * kd, h * kh, w * kw];
        tensor(y, Shape::from(shape))
    }

    /// The inverse of `to_space`.
    fn to_depth(self, dy: FlexTensor) -> FlexTensor {
        let dy = dy.to_contiguous();
        let dy = values(&dy);
        let ([kd, kh, kw], [d, h, w]) = (self.kernel, self.size);
        // A volume of the result at a time: `[d, h, w]`.
        let (dx, _) = fill(dy.len(), d * h * w, |index, target| {
            let (outer, tap) = (index / (kd * kh * kw), index % (kd * kh * kw));
            let [z_tap, y_tap, x_tap] = [tap / (kh * kw), tap / kw % kh, tap % kw];
            let mut line = vec![0.0; w];
            for z in 0..d {
                for y in 0..h {
                    let plane = (outer * d + z) * kd + z_tap;
                    let from = ((plane * h + y) * kh + y_tap) * w * kw;
                    let source = dy[from..from + w * kw].iter().skip(x_tap).step_by(kw);
                    line.iter_mut().zip(source).for_each(|(to, &x)| *to = x);
                    target.put(&line);
                }
            }
        });
        let taps = kd * kh * kw;
        tensor(dx, Shape::from([self.batch, self.channels * taps, d, h, w]))
    }
}
