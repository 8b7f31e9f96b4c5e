//! The two linear layers of a transformer block.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;

use super::{Init, kernel};

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
        project(&self.linear2, kernel::gelu(project(&self.linear1, x)))
    }

    /// The same, added to `residual`.
    pub fn add_to<const D: usize>(&self, residual: Tensor<D>, x: Tensor<D>) -> Tensor<D> {
        add_projection(&self.linear2, residual, kernel::gelu(project(&self.linear1, x)))
    }
}

/// Applies a linear layer: `[…, in]` → `[…, out]`.
pub fn project<const D: usize>(layer: &Linear, x: Tensor<D>) -> Tensor<D> {
    apply(layer, x, None)
}

/// `residual` plus the result of a linear layer: `[…, out]` and `[…, in]` → `[…, out]`.
pub fn add_projection<const D: usize>(layer: &Linear, residual: Tensor<D>, x: Tensor<D>) -> Tensor<D> {
    apply(layer, x, Some(residual))
}

fn apply<const D: usize>(layer: &Linear, x: Tensor<D>, residual: Option<Tensor<D>>) -> Tensor<D> {
    let mut dims = x.dims();
    let [input, output] = layer.weight.dims();
    let rows = dims[..D - 1].iter().product();
    let bias = layer.bias.as_ref().map(|bias| bias.val());
    let residual = residual.map(|residual| residual.reshape([rows, output]));
    let y = kernel::linear(x.reshape([rows, input]), layer.weight.val(), bias, residual);
    dims[D - 1] = output;
    y.reshape(dims)
}

/// A linear layer initialized as PyTorch's.
pub fn linear(input: usize, output: usize, bias: bool, init: &mut Init) -> Linear {
    Linear {
        weight: init.fan_in([input, output], input),
        bias: bias.then(|| init.fan_in([output], input)),
    }
}
