//! Dice and cross entropy from the sums of a batch, with their derivatives: one launch forward, one backward.

// A buffer of a kernel has no iterator.
#![allow(clippy::needless_range_loop)]

use burn::backend::{Cube, TensorMetadata};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{arg, cubes, dims, empty, row, units};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::SumsLoss;

/// The loss, and its derivative with respect to each of the sums. There are few, so one invocation does it all.
#[cube(launch)]
fn loss_kernel(
    sums: &[f32],
    truth: &[f32],
    known: &[f32],
    loss: &mut [f32],
    slopes: &mut [f32],
    samples: usize,
    classes: usize,
    first_class: usize,
    run: usize,
    partial: u32,
    voxels: f32,
    terms: f32,
    numerator: f32,
    denominator: f32,
    dice_weight: f32,
    ce_weight: f32,
) {
    if ABSOLUTE_POS == 0 {
        let groups = samples / run;
        let mut counted = voxels * f32::cast_from(samples);
        if partial != 0 {
            counted = 0.0;
            for sample in 0..samples {
                counted += known[sample];
            }
            counted = counted.max(1.0f32);
        }
        let of_entropy = ce_weight / (counted * terms);
        let share = dice_weight / f32::cast_from(groups * (classes - first_class));
        let mut total = 0.0f32;
        for group in 0..groups {
            let mut found = 1.0f32;
            if partial != 0 {
                found = 0.0;
                for sample in 0..run {
                    found += known[group * run + sample];
                }
                found = found.min(1.0f32);
            }
            for class in 0..classes {
                let mut overlap = numerator;
                let mut size = 1.0f32 - found + denominator;
                let mut entropy = 0.0f32;
                for sample in 0..run {
                    let place = (group * run + sample) * classes + class;
                    overlap += 2.0f32 * sums[3 * place];
                    size += sums[3 * place + 1] + truth[place];
                    entropy += sums[3 * place + 2];
                }
                total += of_entropy * entropy;
                let mut of_overlap = 0.0f32;
                let mut of_size = 0.0f32;
                if class >= first_class {
                    let share = share * found;
                    total += share * (1.0f32 - overlap / size);
                    of_overlap = -2.0f32 * share / size;
                    of_size = share * overlap / size / size;
                }
                for sample in 0..run {
                    let place = (group * run + sample) * classes + class;
                    slopes[3 * place] = of_overlap;
                    slopes[3 * place + 1] = of_size;
                    slopes[3 * place + 2] = of_entropy;
                }
            }
        }
        loss[0] = total;
    }
}

#[cube(launch)]
fn scale_kernel(values: &[f32], factor: &[f32], scaled: &mut [f32]) {
    if ABSOLUTE_POS < scaled.len() {
        scaled[ABSOLUTE_POS] = values[ABSOLUTE_POS] * factor[0];
    }
}

impl Operation<Cube, 3, 0> for SumsLoss {
    /// The derivatives with respect to the sums.
    type Kept = CubeTensor;

    fn forward(&self, inputs: [CubeTensor; 3]) -> (CubeTensor, CubeTensor) {
        let [sums, truth, known] = inputs.map(row);
        let [samples, classes, _] = dims(&sums);
        let (loss, slopes) = (empty(&sums, [1, 1, 1]), empty(&sums, sums.shape()));
        let numbers = self.numbers;
        loss_kernel::launch(
            &sums.client,
            cubes(1),
            CubeDim::new_1d(1),
            arg(&sums),
            arg(&truth),
            arg(&known),
            arg(&loss),
            arg(&slopes),
            samples,
            classes,
            usize::from(!numbers.background),
            if numbers.batch { samples } else { 1 },
            u32::from(self.partial),
            numbers.voxels as f32,
            numbers.terms as f32,
            numbers.smooth[0] as f32,
            numbers.smooth[1] as f32,
            numbers.weights[0] as f32,
            numbers.weights[1] as f32,
        );
        (loss, slopes)
    }

    fn needed<T>(_inputs: [T; 3]) -> [T; 0] {
        []
    }

    fn backward(
        self,
        []: [CubeTensor; 0],
        slopes: CubeTensor,
        dy: CubeTensor,
        _wanted: [bool; 3],
    ) -> [Option<CubeTensor>; 3] {
        let (dy, scaled) = (row(dy), empty(&slopes, slopes.shape()));
        let (cubes, dim) = units(scaled.shape().num_elements());
        scale_kernel::launch(&slopes.client, cubes, dim, arg(&slopes), arg(&dy), arg(&scaled));
        [Some(scaled), None, None]
    }
}
