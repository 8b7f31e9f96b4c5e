//! One level of a U-shaped decoder.

use burn::module::Module;
use burn::tensor::Tensor;

use super::kernel::concat_channels;
use super::{ConvBlock, Init, TransposedConv3d};

/// Doubles the resolution, concatenates the skip and convolves: MONAI 1.5's `UnetrUpBlock`.
#[derive(Module, Debug)]
pub struct DecoderUp {
    /// `input` → `output` channels at twice the resolution.
    pub transp_conv: TransposedConv3d,
    /// Applied to both, the upsampled channels first.
    pub conv_block: ConvBlock,
}

impl DecoderUp {
    /// A level from `input` to `output` channels, with a skip of `output` channels.
    pub fn new(input: usize, output: usize, residual: bool, init: &mut Init) -> Self {
        Self {
            transp_conv: TransposedConv3d::double(input, output, init),
            conv_block: ConvBlock::new(2 * output, output, residual, init),
        }
    }

    /// `x` `[batch, input, d, h, w]` and `skip` `[batch, output, 2d, 2h, 2w]` → the skip's shape.
    pub fn forward(&self, x: Tensor<5>, skip: Tensor<5>) -> Tensor<5> {
        let x = self.transp_conv.forward(x);
        self.conv_block.forward(concat_channels(x, skip))
    }
}
