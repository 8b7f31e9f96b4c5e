//! Flips and quarter turns: voxels move, values do not change.

use ndarray::{Array, Array3, Array4, Axis, Dimension, RemoveAxis};
use rand::Rng;

use super::chance::happens;
use crate::transform::MirrorAxes;

/// Reverses each of the allowed axes with probability `probability`.
pub(super) fn flip(
    probability: f64,
    axes: MirrorAxes,
    image: &mut Array4<f32>,
    classes: &mut Array3<u8>,
    rng: &mut impl Rng,
) {
    for axis in 0..3 {
        // Drawn for every axis, so that what is drawn after it does not depend on which are allowed.
        if happens(probability, rng) && axes.0[axis] {
            image.invert_axis(Axis(axis + 1));
            classes.invert_axis(Axis(axis));
        }
    }
}

/// Rotates the planes across `slice_axis` by one, two or three quarter turns; by two if they are not square.
pub(super) fn quarter_turn(
    probability: f64,
    image: &mut Array4<f32>,
    classes: &mut Array3<u8>,
    slice_axis: usize,
    rng: &mut impl Rng,
) {
    // No draw if there is nothing to decide, so that the term can be left out.
    if probability <= 0.0 || !happens(probability, rng) {
        return;
    }
    let mut quarters = rng.random_range(1..=3);
    let (first, second) = match slice_axis {
        0 => (1, 2),
        1 => (0, 2),
        _ => (0, 1),
    };
    if classes.len_of(Axis(first)) != classes.len_of(Axis(second)) {
        quarters = 2;
    }
    turn(image, first + 1, second + 1, quarters);
    turn(classes, first, second, quarters);
}

/// NumPy's `rot90(array, quarters, (first, second))`.
fn turn<A, D: Dimension + RemoveAxis>(array: &mut Array<A, D>, first: usize, second: usize, quarters: usize) {
    let swap = |array: &mut Array<A, D>| array.swap_axes(first, second);
    match quarters {
        1 => {
            array.invert_axis(Axis(second));
            swap(array);
        }
        2 => {
            array.invert_axis(Axis(first));
            array.invert_axis(Axis(second));
        }
        _ => {
            swap(array);
            array.invert_axis(Axis(second));
        }
    }
}
