//! Transposed convolution whose kernel equals its stride: every voxel becomes a block.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::Init;
use super::conv::with_bias;
use super::kernel::{depth_to_space, mix_channels};

/// Enlarges depth, height and width by the kernel's sides:
/// `[batch, in, d, h, w]` → `[batch, out, kd·d, kh·h, kw·w]`.
///
/// Equal to PyTorch's `ConvTranspose3d` with kernel = stride. As the output blocks do not overlap, it
/// is one matrix product and a rearrangement, which every backend does faster than a general
/// transposed convolution.
#[derive(Module, Debug)]
pub struct TransposedConv3d {
    /// `[in, out, kd, kh, kw]`.
    pub weight: Param<Tensor<5>>,
    /// `[out]`.
    pub bias: Option<Param<Tensor<1>>>,
}

impl TransposedConv3d {
    /// Initialized as PyTorch's `ConvTranspose3d`, whose fan-in counts output channels.
    pub fn new(input: usize, output: usize, kernel: [usize; 3], bias: bool, init: &mut Init) -> Self {
        let [kd, kh, kw] = kernel;
        let fan_in = output * kd * kh * kw;
        Self {
            weight: init.fan_in([input, output, kd, kh, kw], fan_in),
            bias: bias.then(|| init.fan_in([output], fan_in)),
        }
    }

    /// Doubles every side, without bias.
    pub fn double(input: usize, output: usize, init: &mut Init) -> Self {
        Self::new(input, output, [2; 3], false, init)
    }

    /// `[batch, in, d, h, w]` → `[batch, out, kd·d, kh·h, kw·w]`.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let y = self.blocks(x);
        with_bias(y, &self.bias)
    }

    /// [`forward`](Self::forward) to `size`, which may exceed the blocks: the rest holds the bias alone, as with
    /// PyTorch's `output_padding`.
    pub fn forward_to(&self, x: Tensor<5>, size: [usize; 3]) -> Tensor<5> {
        let y = self.blocks(x);
        let [_, _, d, h, w] = y.dims();
        let beyond = [size[0] - d, size[1] - h, size[2] - w];
        if beyond == [0; 3] {
            return with_bias(y, &self.bias);
        }
        let padding = [(0, 0), (0, 0), (0, beyond[0]), (0, beyond[1]), (0, beyond[2])];
        with_bias(y.pad(padding, 0.0), &self.bias)
    }

    fn blocks(&self, x: Tensor<5>) -> Tensor<5> {
        let weight = self.weight.val();
        let [input, output, kd, kh, kw] = weight.dims();
        let outputs = output * kd * kh * kw;
        let blocks = mix_channels(x, weight.reshape([input, outputs]));
        depth_to_space(blocks, [kd, kh, kw])
    }
}
