//! Parameter updates of a training step: AdamW, of two in one launch, and the moving average (EMA), of
//! three in one.

use burn::backend::TensorMetadata;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{arg, copy, row, units};
use crate::nn::kernel::numbers::AdamW;

/// A step's numbers as a kernel has them.
#[derive(CubeLaunch, CubeType, Clone, Copy)]
struct Numbers {
    rate: f32,
    decay: f32,
    mean_kept: f32,
    mean_added: f32,
    mean_correction: f32,
    square_kept: f32,
    square_added: f32,
    square_correction: f32,
    epsilon: f32,
}

/// One value of a parameter; the second moments follow the first.
#[cube]
fn step(values: &mut [f32], gradients: &[f32], moments: &mut [f32], numbers: &Numbers) {
    if ABSOLUTE_POS < values.len() {
        let gradient = gradients[ABSOLUTE_POS];
        let of_square = values.len() + ABSOLUTE_POS;
        let mean = moments[ABSOLUTE_POS] * numbers.mean_kept + gradient * numbers.mean_added;
        let square = moments[of_square] * numbers.square_kept + gradient * gradient * numbers.square_added;
        let scale = (square / numbers.square_correction).sqrt() + numbers.epsilon;
        let value = values[ABSOLUTE_POS];
        let direction = mean / numbers.mean_correction / scale + value * numbers.decay;
        moments[ABSOLUTE_POS] = mean;
        moments[of_square] = square;
        values[ABSOLUTE_POS] = value - direction * numbers.rate;
    }
}

#[cube(launch)]
fn adamw_kernel(values: &mut [f32], gradients: &[f32], moments: &mut [f32], numbers: Numbers) {
    step(values, gradients, moments, &numbers);
}

/// Two parameters are as many as a browser binds at once.
#[cube(launch)]
fn adamw_two_kernel(
    values_1: &mut [f32],
    gradients_1: &[f32],
    moments_1: &mut [f32],
    values_2: &mut [f32],
    gradients_2: &[f32],
    moments_2: &mut [f32],
    numbers: Numbers,
) {
    step(values_1, gradients_1, moments_1, &numbers);
    step(values_2, gradients_2, moments_2, &numbers);
}

fn arguments(numbers: AdamW) -> NumbersLaunch {
    let AdamW {
        kept,
        added,
        corrections,
        ..
    } = numbers;
    NumbersLaunch::new(
        numbers.rate,
        numbers.decay,
        kept[0],
        added[0],
        corrections[0],
        kept[1],
        added[1],
        corrections[1],
        numbers.epsilon,
    )
}

/// One parameter of [`adamw`](crate::nn::kernel::adamw).
pub(in crate::nn::kernel) fn adamw(
    [value, gradient, moments]: [CubeTensor; 3],
    numbers: AdamW,
) -> (CubeTensor, CubeTensor) {
    let (value, gradient, moments) = (own(value), row(gradient), own(moments));
    let (cubes, dim) = units(value.shape().num_elements());
    adamw_kernel::launch(
        &value.client,
        cubes,
        dim,
        arg(&value),
        arg(&gradient),
        arg(&moments),
        arguments(numbers),
    );
    (value, moments)
}

/// Two parameters in one launch.
pub(in crate::nn::kernel) fn adamw_two(
    [v, g, m]: [CubeTensor; 3],
    [w, h, n]: [CubeTensor; 3],
    numbers: AdamW,
) -> (CubeTensor, CubeTensor, CubeTensor, CubeTensor) {
    let ([v, m, w, n], [g, h]) = ([v, m, w, n].map(own), [g, h].map(row));
    let longest = [&v, &w].map(|value| value.shape().num_elements());
    let (cubes, dim) = units(longest[0].max(longest[1]));
    adamw_two_kernel::launch(
        &v.client,
        cubes,
        dim,
        arg(&v),
        arg(&g),
        arg(&m),
        arg(&w),
        arg(&h),
        arg(&n),
        arguments(numbers),
    );
    (v, m, w, n)
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
    if tensor.can_mut() { tensor } else { copy(&tensor) }
}
