//! 3D convolution with a cubic kernel, stride 1 and "same" padding.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::Init;
use super::kernel::conv3d_same;

/// Convolution `[batch, in, d, h, w]` → `[batch, out, d, h, w]` with an odd cubic kernel, stride 1
/// and zero padding that keeps the size.
#[derive(Module, Debug)]
pub struct Conv3d {
    /// `[out, in, k, k, k]`.
    pub weight: Param<Tensor<5>>,
    /// `[out]`.
    pub bias: Option<Param<Tensor<1>>>,
}

impl Conv3d {
    /// Initialised as PyTorch's `Conv3d`.
    pub fn new(input: usize, output: usize, kernel: usize, bias: bool, init: &mut Init) -> Self {
        let fan_in = input * kernel.pow(3);
        Self {
            weight: init.fan_in([output, input, kernel, kernel, kernel], fan_in),
            bias: bias.then(|| init.fan_in([output], fan_in)),
        }
    }

    /// `[batch, in, d, h, w]` → `[batch, out, d, h, w]`.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let weight = self.weight.val();
        let [output, input, kernel, ..] = weight.dims();
        let y = if kernel == 1 {
            // A kernel of one voxel is a matrix product over channels.
            let [batch, _, d, h, w] = x.dims();
            let y = weight
                .reshape([1, output, input])
                .matmul(x.reshape([batch, input, d * h * w]));
            y.reshape([batch, output, d, h, w])
        } else {
            conv3d_same(x, weight)
        };
        match &self.bias {
            Some(bias) => y + bias.val().reshape([1, output, 1, 1, 1]),
            None => y,
        }
    }
}
