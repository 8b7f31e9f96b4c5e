//! Non-overlapping pooling.

use burn::tensor::Tensor;

/// The largest value of every 2×2×2 block: PyTorch's `MaxPool3d(2)` on even sizes.
/// `[batch, channel, d, h, w]` → `[batch, channel, d/2, h/2, w/2]`.
pub fn max_pool2(x: Tensor<5>) -> Tensor<5> {
    let [batch, channels, d, h, w] = x.dims();
    x.reshape([batch * channels * d * h, w / 2, 2])
        .max_dim(2)
        .reshape([batch * channels * d, h / 2, 2, w / 2])
        .max_dim(2)
        .reshape([batch * channels, d / 2, 2, h / 2 * (w / 2)])
        .max_dim(2)
        .reshape([batch, channels, d / 2, h / 2, w / 2])
}
