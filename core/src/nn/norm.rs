//! Normalisation layers without options. They compute in f32 whatever the rest of a network does.

use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::{FloatDType, Tensor};

use super::{Init, kernel};

/// Added to every variance.
const EPSILON: f64 = 1e-5;

/// Slope of leaky ReLU below zero.
pub const LEAKY_SLOPE: f64 = 0.01;

/// Normalises each sample's channel over its voxels to mean 0 and variance 1, without gain or bias:
/// PyTorch's `InstanceNorm3d` as MONAI 1.5 configures it. `[batch, channel, d, h, w]`.
pub fn instance_norm(x: Tensor<5>) -> Tensor<5> {
    in_f32(x, |x| kernel::instance_norm(x, 1.0))
}

/// [`instance_norm`] followed by leaky ReLU.
pub fn instance_norm_leaky_relu(x: Tensor<5>) -> Tensor<5> {
    in_f32(x, |x| kernel::instance_norm(x, LEAKY_SLOPE))
}

/// Normalises over the last axis to mean 0 and variance 1, without gain or bias.
pub fn plain_layer_norm<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    in_f32(x, |x| {
        let centred = x.clone() - x.mean_dim(D - 1);
        let variance = centred.clone().powi_scalar(2).mean_dim(D - 1);
        centred / (variance + EPSILON).sqrt()
    })
}

/// What `function` makes of `x`, computed in f32 and given back in the type of `x`.
pub(crate) fn in_f32<const D: usize>(
    x: Tensor<D>,
    function: impl FnOnce(Tensor<D>) -> Tensor<D>,
) -> Tensor<D> {
    let given = x.dtype();
    function(x.cast(FloatDType::F32)).cast(given)
}

/// Layer normalisation over the last axis, with gain 1 and bias 0 at the start.
pub fn layer_norm(channels: usize, init: &Init) -> LayerNorm {
    LayerNormConfig::new(channels)
        .with_epsilon(EPSILON)
        .init(init.device())
}
