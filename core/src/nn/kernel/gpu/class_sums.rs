//! Softmax, overlap and cross entropy of a loss: two launches forward, one backward.

use burn::backend::{Cube, TensorMetadata};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{SUMMING, SUMS, arg, cubes, dims, empty, row, sum_all_parts, sum_of_cube, units};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::ClassSums;

/// Voxels of which a workgroup adds up the sums.
const CHUNK: usize = 4096;

/// The largest logit of a voxel, and the sum of the exponentials relative to it.
#[cube]
fn softmax(logits: &[f32], start: usize, voxels: usize, classes: usize) -> (f32, f32) {
    let mut largest = logits[start];
    for class in 1..classes {
        let logit = logits[start + class * voxels];
        largest = select(logit > largest, logit, largest);
    }
    let mut total = 0.0f32;
    for class in 0..classes {
        total += (logits[start + class * voxels] - largest).exp();
    }
    (largest, total)
}

/// How much a voxel counts: by the sum of its truth, or wholly.
#[cube]
fn weight(truth: &[f32], start: usize, voxels: usize, classes: usize, #[comptime] partial: bool) -> f32 {
    let mut weight = 1.0f32;
    if partial {
        weight = 0.0;
        for class in 0..classes {
            weight += truth[start + class * voxels];
        }
    }
    weight
}

/// The sums of one class over a chunk, `[chunk, sample, class, 3]`; a workgroup takes one class of one chunk.
#[cube(launch)]
fn sums_kernel(
    logits: &[f32],
    truth: &[f32],
    parts: &mut [f32],
    voxels: usize,
    classes: usize,
    samples: usize,
    #[comptime] squared: bool,
    #[comptime] partial: bool,
) {
    if CUBE_POS * 3 < parts.len() {
        let mut shared = Shared::<[f32]>::new_slice(SUMS);
        let class = CUBE_POS % classes;
        let sample = CUBE_POS / classes % samples;
        let first = CUBE_POS / classes / samples * CHUNK;
        let end = select(first + CHUNK < voxels, first + CHUNK, voxels);
        let mut overlap = 0.0f32;
        let mut size = 0.0f32;
        let mut entropy = 0.0f32;
        let mut voxel = first + UNIT_POS as usize;
        while voxel < end {
            let start = sample * classes * voxels + voxel;
            let (largest, total) = softmax(logits, start, voxels, classes);
            let logit = logits[start + class * voxels] - largest;
            let truth_of_class = truth[start + class * voxels];
            let p = logit.exp() / total;
            overlap += p * truth_of_class;
            let mut counted = p;
            if squared {
                counted = p * p;
            }
            size += counted * weight(truth, start, voxels, classes, partial);
            entropy -= truth_of_class * (logit - total.ln());
            voxel += SUMMING;
        }
        let overlap = sum_of_cube(overlap, &mut shared);
        let size = sum_of_cube(size, &mut shared);
        let entropy = sum_of_cube(entropy, &mut shared);
        if UNIT_POS == 0 {
            parts[3 * CUBE_POS] = overlap;
            parts[3 * CUBE_POS + 1] = size;
            parts[3 * CUBE_POS + 2] = entropy;
        }
    }
}

/// The derivative of the loss with respect to the probability of one class in a voxel, the entropy's share aside.
#[cube]
fn slope(p: f32, truth: f32, weight: f32, dy: &[f32], of_class: usize, #[comptime] squared: bool) -> f32 {
    let mut size = weight;
    if squared {
        size = 2.0 * p * weight;
    }
    dy[of_class] * truth + dy[of_class + 1] * size
}

/// The gradient of the logits, from that of the sums `[sample, class, 3]`.
#[cube(launch)]
fn gradient_kernel(
    logits: &[f32],
    truth: &[f32],
    dy: &[f32],
    dx: &mut [f32],
    voxels: usize,
    classes: usize,
    #[comptime] squared: bool,
    #[comptime] partial: bool,
) {
    if ABSOLUTE_POS * classes < dx.len() {
        let sample = ABSOLUTE_POS / voxels;
        let start = sample * classes * voxels + ABSOLUTE_POS % voxels;
        let (largest, total) = softmax(logits, start, voxels, classes);
        let weight = weight(truth, start, voxels, classes, partial);
        // What all classes have in common: the mean of their changes by probability, and the entropy's share.
        let mut mean = 0.0f32;
        let mut entropy = 0.0f32;
        for class in 0..classes {
            let p = (logits[start + class * voxels] - largest).exp() / total;
            let of_class = 3 * (sample * classes + class);
            let truth = truth[start + class * voxels];
            mean += p * slope(p, truth, weight, dy, of_class, squared);
            entropy += dy[of_class + 2] * truth;
        }
        for class in 0..classes {
            let p = (logits[start + class * voxels] - largest).exp() / total;
            let of_class = 3 * (sample * classes + class);
            let truth = truth[start + class * voxels];
            let change = slope(p, truth, weight, dy, of_class, squared);
            dx[start + class * voxels] = p * (change - mean + entropy) - dy[of_class + 2] * truth;
        }
    }
}

impl Operation<Cube, 2, 2> for ClassSums {
    type Kept = ();

    fn forward(&self, inputs: [CubeTensor; 2]) -> (CubeTensor, ()) {
        let [logits, truth] = inputs.map(row);
        let [samples, classes, voxels] = dims(&logits);
        let chunks = voxels.div_ceil(CHUNK);
        let parts = empty(&logits, [chunks, samples, classes, 3]);
        sums_kernel::launch(
            &logits.client,
            cubes(chunks * samples * classes),
            CubeDim::new_1d(SUMMING as u32),
            arg(&logits),
            arg(&truth),
            arg(&parts),
            voxels,
            classes,
            samples,
            self.squared,
            self.partial,
        );
        (sum_all_parts(parts, chunks, [samples, classes, 3]), ())
    }

    fn needed<T>(inputs: [T; 2]) -> [T; 2] {
        inputs
    }

    fn backward(self, needed: [CubeTensor; 2], (): (), dy: CubeTensor, _wanted: [bool; 2]) -> [Option<CubeTensor>; 2] {
        let ([logits, truth], dy) = (needed.map(row), row(dy));
        let [samples, classes, voxels] = dims(&logits);
        let dx = empty(&logits, logits.shape());
        let (cubes, dim) = units(samples * voxels);
        gradient_kernel::launch(
            &logits.client,
            cubes,
            dim,
            arg(&logits),
            arg(&truth),
            arg(&dy),
            arg(&dx),
            voxels,
            classes,
            self.squared,
            self.partial,
        );
        [Some(dx), None]
    }
}
