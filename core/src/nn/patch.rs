//! Patches of voxels as tokens.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::Init;

/// A convolution whose kernel equals its stride, as one matrix product over patches:
/// `[batch, in, d, h, w]` → tokens `[batch, token, out]`, depth slowest.
#[derive(Module, Debug)]
pub struct PatchConv {
    /// `[out, in, k, k, k]`.
    pub weight: Param<Tensor<5>>,
    /// `[out]`.
    pub bias: Param<Tensor<1>>,
}

impl PatchConv {
    /// Tokens of `side`³ voxels, initialized as PyTorch's `Conv3d`.
    pub fn new(input: usize, output: usize, side: usize, init: &mut Init) -> Self {
        let fan_in = input * side.pow(3);
        Self {
            weight: init.fan_in([output, input, side, side, side], fan_in),
            bias: init.fan_in([output], fan_in),
        }
    }

    /// `[batch, in, d, h, w]` → `[batch, token, out]`.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<3> {
        let weight = self.weight.val();
        let [output, _, side, ..] = weight.dims();
        let cut = cut(x, side);
        let [batch, tokens, channels, voxels] = cut.dims();
        let width = channels * voxels;
        let weight = weight.reshape([1, output, width]).transpose();
        let y = cut.reshape([batch, tokens, width]).matmul(weight);
        y + self.bias.val().reshape([1, 1, output])
    }
}

/// Puts cubes `[batch, token, channel, voxel]` together to `[batch, channel, d, h, w]`: the inverse of [`cut`].
pub(crate) fn join(cubes: Tensor<4>, side: usize, [d, h, w]: [usize; 3]) -> Tensor<5> {
    let [batch, _, channels, _] = cubes.dims();
    let [gd, gh, gw] = [d / side, h / side, w / side];
    cubes
        .reshape([batch, gd, gh, gw, channels, side, side, side])
        .permute([0, 4, 1, 5, 2, 6, 3, 7])
        .reshape([batch, channels, d, h, w])
}

/// Cuts `[batch, channel, d, h, w]` into cubes: `[batch, token, channel, voxel]`.
pub(crate) fn cut(x: Tensor<5>, side: usize) -> Tensor<4> {
    let [batch, channels, d, h, w] = x.dims();
    let [gd, gh, gw] = [d / side, h / side, w / side];
    x.reshape([batch, channels, gd, side, gh, side, gw, side])
        .permute([0, 2, 4, 6, 1, 3, 5, 7])
        .reshape([batch, gd * gh * gw, channels, side.pow(3)])
}
