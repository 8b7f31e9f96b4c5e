//! Interpolation onto a finer grid.

use burn::tensor::{Tensor, TensorData};

/// `x` `[batch, channel, d, h, w]` on a grid `factor` times as fine along each axis, trilinear between the centers of
/// voxels, as PyTorch's `interpolate(mode="trilinear", align_corners=False)`.
pub fn trilinear(x: Tensor<5>, factor: usize) -> Tensor<5> {
    if factor == 1 {
        return x;
    }
    [2, 3, 4].into_iter().fold(x, |x, axis| linear_along(x, axis, factor))
}

/// Each output along `axis` is a weighted sum of two inputs: a product with a matrix.
fn linear_along(x: Tensor<5>, axis: usize, factor: usize) -> Tensor<5> {
    let x = x.swap_dims(axis, 4);
    let [batch, channels, a, b, length] = x.dims();
    let weights = TensorData::new(weights(length, factor), [length, length * factor]);
    let weights = Tensor::<2>::from_data(weights, &x.device()).cast(x.dtype());
    let fine = x.reshape([batch * channels * a * b, length]).matmul(weights);
    fine.reshape([batch, channels, a, b, length * factor])
        .swap_dims(axis, 4)
}

/// How much each of `length` values counts for each of `length · factor`, `[length, length · factor]`.
fn weights(length: usize, factor: usize) -> Vec<f32> {
    let fine = length * factor;
    let mut weights = vec![0.0; length * fine];
    for to in 0..fine {
        let place = ((to as f32 + 0.5) / factor as f32 - 0.5).max(0.0);
        let below = place as usize;
        let above = (below + 1).min(length - 1);
        let share = place - below as f32;
        weights[below * fine + to] += 1.0 - share;
        weights[above * fine + to] += share;
    }
    weights
}
