//! The two linear layers of a transformer block.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::activation::gelu;

use super::Init;

/// Two linear layers with an exact GELU between.
#[derive(Module, Debug)]
pub struct Mlp {
    /// `channels` → `hidden`.
    pub linear1: Linear,
    /// `hidden` → `channels`.
    pub linear2: Linear,
}

impl Mlp {
    /// Layers over tokens of `channels`, with `hidden` channels inside.
    pub fn new(channels: usize, hidden: usize, init: &mut Init) -> Self {
        Self {
            linear1: linear(channels, hidden, true, init),
            linear2: linear(hidden, channels, true, init),
        }
    }

    /// `[…, channel]` → the same shape.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        self.linear2.forward(gelu(self.linear1.forward(x)))
    }
}

/// A linear layer initialised as PyTorch's.
pub(crate) fn linear(input: usize, output: usize, bias: bool, init: &mut Init) -> Linear {
    Linear {
        weight: init.fan_in([input, output], input),
        bias: bias.then(|| init.fan_in([output], input)),
    }
}
