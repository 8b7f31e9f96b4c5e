//! Operations whose general form in burn is slow or inexact on a CPU, with their own backward pass.
//!
//! In f32 on the CPU backend they run as written here (`conv_cpu.rs`, `norm_cpu.rs`); every other backend
//! and type uses burn's own operations. Callers see plain functions on tensors.

#[cfg(feature = "flex")]
mod conv;
#[cfg(feature = "flex")]
mod conv_cpu;
#[cfg(feature = "flex")]
mod cpu;
#[cfg(feature = "flex")]
mod direct_cpu;
#[cfg(feature = "flex")]
mod norm;
#[cfg(feature = "flex")]
mod norm_cpu;

use burn::tensor::Tensor;
use burn::tensor::activation::leaky_relu;
use burn::tensor::module::conv3d;
use burn::tensor::ops::ConvOptions;

/// Added to every variance of an instance norm.
const EPSILON: f64 = 1e-5;

/// Convolution with an odd cubic kernel, stride 1 and zero padding that keeps the size, without
/// bias: `[batch, in, d, h, w]` and `[out, in, k, k, k]` → `[batch, out, d, h, w]`.
pub(crate) fn conv3d_same(x: Tensor<5>, weight: Tensor<5>) -> Tensor<5> {
    #[cfg(feature = "flex")]
    if on_cpu(&x) {
        return conv::convolve(x, weight);
    }
    let padding = [weight.dims()[4] / 2; 3];
    conv3d(
        x,
        weight,
        None,
        ConvOptions::new([1; 3], padding, [1; 3], 1),
    )
}

/// Normalises each sample's channel over its voxels to mean 0 and variance 1, then scales what is
/// below zero by `slope` (more than 0; 1 changes nothing). `[batch, channel, d, h, w]`.
pub(crate) fn instance_norm(x: Tensor<5>, slope: f64) -> Tensor<5> {
    #[cfg(feature = "flex")]
    if on_cpu(&x) {
        return norm::normalise(x, slope);
    }
    let [batch, channels, d, h, w] = x.dims();
    let x = x.reshape([batch, channels, d * h * w]);
    let centred = x.clone() - x.mean_dim(2);
    let variance = centred.clone().powi_scalar(2).mean_dim(2);
    let y = centred * (variance + EPSILON).sqrt().recip();
    let y = y.reshape([batch, channels, d, h, w]);
    if slope == 1.0 {
        y
    } else {
        leaky_relu(y, slope)
    }
}

#[cfg(feature = "flex")]
fn on_cpu<const D: usize>(x: &Tensor<D>) -> bool {
    use burn::tensor::{DType, Device};

    x.dtype() == DType::F32 && x.device().inner() == Device::flex()
}

#[cfg(all(test, feature = "flex"))]
mod tests;
