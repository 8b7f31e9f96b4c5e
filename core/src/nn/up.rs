//! Transposed convolution whose kernel equals its stride: every voxel becomes a 2×2×2 block.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::Init;

/// Doubles depth, height and width: `[batch, in, d, h, w]` → `[batch, out, 2d, 2h, 2w]`.
///
/// Equal to PyTorch's `ConvTranspose3d(kernel 2, stride 2)` without bias. As kernel and stride are
/// equal the output blocks do not overlap, so it is one matrix product and a rearrangement, which
/// every backend does faster than a general transposed convolution.
#[derive(Module, Debug)]
pub struct UpProjection {
    /// `[in, out, 2, 2, 2]`.
    pub weight: Param<Tensor<5>>,
}

impl UpProjection {
    /// Initialised as PyTorch's `ConvTranspose3d`, whose fan-in counts output channels.
    pub fn new(input: usize, output: usize, init: &mut Init) -> Self {
        Self {
            weight: init.fan_in([input, output, 2, 2, 2], output * 8),
        }
    }

    /// `[batch, in, d, h, w]` → `[batch, out, 2d, 2h, 2w]`.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let weight = self.weight.val();
        let [input, output, ..] = weight.dims();
        let [batch, _, d, h, w] = x.dims();
        let blocks = weight
            .reshape([1, input, output * 8])
            .transpose()
            .matmul(x.reshape([batch, input, d * h * w]));
        blocks
            .reshape([batch, output, 2, 2, 2, d, h, w])
            .permute([0, 1, 5, 2, 6, 3, 7, 4])
            .reshape([batch, output, 2 * d, 2 * h, 2 * w])
    }
}
