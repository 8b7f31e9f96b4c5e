//! Normalization layers without options. They always compute in f32, even in an f16 network.

use burn::nn::{GroupNorm, LayerNorm, LayerNormConfig};
use burn::tensor::{FloatDType, Tensor};

use super::{Init, kernel};

/// Added to every variance.
const EPSILON: f64 = 1e-5;

/// Slope of leaky ReLU below zero.
pub const LEAKY_SLOPE: f64 = 0.01;

/// Normalizes each sample's channel over its voxels to mean 0 and variance 1, without gain or bias:
/// PyTorch's `InstanceNorm3d` as MONAI 1.5 configures it. `[batch, channel, d, h, w]`.
pub fn instance_norm(x: Tensor<5>) -> Tensor<5> {
    in_f32(x, |x| kernel::instance_norm(x, 1.0))
}

/// [`instance_norm`] followed by leaky ReLU.
pub fn instance_norm_leaky_relu(x: Tensor<5>) -> Tensor<5> {
    in_f32(x, |x| kernel::instance_norm(x, LEAKY_SLOPE))
}

/// Normalizes over the last axis to mean 0 and variance 1, without gain or bias.
pub fn plain_layer_norm<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let dims = x.dims();
    let channels = dims[D - 1];
    // Rows of channels are normalized as channels of voxels are.
    let rows = [1, dims.iter().product::<usize>() / channels, channels, 1, 1];
    instance_norm(x.reshape(rows)).reshape(dims)
}

/// Applies `function` to `x` in f32 and returns the result in the type of `x`.
pub(crate) fn in_f32<const D: usize>(x: Tensor<D>, function: impl FnOnce(Tensor<D>) -> Tensor<D>) -> Tensor<D> {
    let given = x.dtype();
    function(x.cast(FloatDType::F32)).cast(given)
}

/// Layer normalization over the last axis, initialized with gain 1 and bias 0.
pub fn layer_norm(channels: usize, init: &Init) -> LayerNorm {
    LayerNormConfig::new(channels).with_epsilon(EPSILON).init(init.device())
}

/// Applies a layer of [`layer_norm`] to `x`, whose channels come last.
pub fn normalized<const D: usize>(norm: &LayerNorm, x: Tensor<D>) -> Tensor<D> {
    let gain = norm.gamma.val();
    let bias = norm.beta.as_ref().map(|bias| bias.val());
    let bias = bias.unwrap_or_else(|| gain.zeros_like());
    in_f32(x, |x| kernel::layer_norm(x, gain, bias))
}

/// Applies group norm and ReLU to `x`, `[batch, channel, d, h, w]`.
pub fn group_norm_relu(norm: &GroupNorm, x: Tensor<5>) -> Tensor<5> {
    let channels = [norm.num_channels];
    let [gain, bias] = [(&norm.gamma, 1.0), (&norm.beta, 0.0)].map(|(param, otherwise)| {
        let given = param.as_ref().map(|param| param.val());
        given.unwrap_or_else(|| Tensor::full(channels, otherwise, &x.device()))
    });
    in_f32(x, |x| kernel::group_norm_relu(x, gain, bias, norm.num_groups))
}
