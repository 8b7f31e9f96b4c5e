//! Parameter updates of a training step: AdamW, in one launch each, and the moving average (EMA), of three in one.

use burn::backend::TensorMetadata;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{arg, empty, row, units};
use crate::nn::kernel::numbers::AdamW;

#[cube(launch)]
fn adamw_kernel(
    value: &[f32],
    gradient: &[f32],
    mean: &mut [f32],
    square: &mut [f32],
    moved: &mut [f32],
    rate: f32,
    decay: f32,
    mean_kept: f32,
    mean_added: f32,
    mean_correction: f32,
    square_kept: f32,
    square_added: f32,
    square_correction: f32,
    epsilon: f32,
) {
    if ABSOLUTE_POS < moved.len() {
        let gradient = gradient[ABSOLUTE_POS];
        let first = mean[ABSOLUTE_POS] * mean_kept + gradient * mean_added;
        let second = square[ABSOLUTE_POS] * square_kept + gradient * gradient * square_added;
        let scale = (second / square_correction).sqrt() + epsilon;
        let value = value[ABSOLUTE_POS];
        let direction = first / mean_correction / scale + value * decay;
        mean[ABSOLUTE_POS] = first;
        square[ABSOLUTE_POS] = second;
        moved[ABSOLUTE_POS] = value - direction * rate;
    }
}

/// See [`adamw`](crate::nn::kernel::adamw).
pub(in crate::nn::kernel) fn adamw(
    value: CubeTensor,
    gradient: CubeTensor,
    moments: [CubeTensor; 2],
    numbers: AdamW,
) -> (CubeTensor, CubeTensor, CubeTensor) {
    let (value, gradient) = (row(value), row(gradient));
    let [mean, square] = moments.map(own);
    let moved = empty(&value, value.shape());
    let (cubes, dim) = units(value.shape().num_elements());
    adamw_kernel::launch(
        &value.client,
        cubes,
        dim,
        arg(&value),
        arg(&gradient),
        arg(&mean),
        arg(&square),
        arg(&moved),
        numbers.rate,
        numbers.decay,
        numbers.kept[0],
        numbers.added[0],
        numbers.corrections[0],
        numbers.kept[1],
        numbers.added[1],
        numbers.corrections[1],
        numbers.epsilon,
    );
    (moved, mean, square)
}

#[cube]
fn move_average(kept: &mut [f32], new: &[f32], share: f32, rest: f32) {
    if ABSOLUTE_POS < kept.len() {
        kept[ABSOLUTE_POS] = kept[ABSOLUTE_POS] * share + new[ABSOLUTE_POS] * rest;
    }
}

#[cube(launch)]
fn average_kernel(kept: &mut [f32], new: &[f32], share: f32, rest: f32) {
    move_average(kept, new, share, rest);
}

/// Three pairs are as many as a browser binds at once.
#[cube(launch)]
fn averages_kernel(
    kept_1: &mut [f32],
    new_1: &[f32],
    kept_2: &mut [f32],
    new_2: &[f32],
    kept_3: &mut [f32],
    new_3: &[f32],
    share: f32,
    rest: f32,
) {
    move_average(kept_1, new_1, share, rest);
    move_average(kept_2, new_2, share, rest);
    move_average(kept_3, new_3, share, rest);
}

/// The average of one pair, see [`averages`](crate::nn::kernel::averages).
pub(in crate::nn::kernel) fn average(kept: CubeTensor, new: CubeTensor, share: f64) -> CubeTensor {
    let (kept, new) = (own(kept), row(new));
    let (cubes, dim) = units(kept.shape().num_elements());
    let rest = (1.0 - share) as f32;
    average_kernel::launch(&kept.client, cubes, dim, arg(&kept), arg(&new), share as f32, rest);
    kept
}

/// The averages of three pairs in one launch.
pub(in crate::nn::kernel) fn average_three(
    kept: [CubeTensor; 3],
    new: [CubeTensor; 3],
    share: f64,
) -> (CubeTensor, CubeTensor, CubeTensor) {
    let ([a, b, c], new) = (kept.map(own), new.map(row));
    let longest = [&a, &b, &c].map(|kept| kept.shape().num_elements()).into_iter().max();
    let (cubes, dim) = units(longest.unwrap_or_default());
    averages_kernel::launch(
        &a.client,
        cubes,
        dim,
        arg(&a),
        arg(&new[0]),
        arg(&b),
        arg(&new[1]),
        arg(&c),
        arg(&new[2]),
        share as f32,
        (1.0 - share) as f32,
    );
    (a, b, c)
}

/// A tensor that nobody else reads, with its values in a row: it may be changed in place.
fn own(tensor: CubeTensor) -> CubeTensor {
    let tensor = row(tensor);
    if tensor.can_mut() { tensor } else { tensor.copy() }
}
