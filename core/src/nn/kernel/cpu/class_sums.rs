//! Softmax, overlap and cross entropy of a loss in one pass, and their gradient in another.

// Threads write the gradient, each its own voxels.
#![allow(unsafe_code)]

use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::tensor::Shape;

use super::math::{exp, ln};
use super::work::{Shared, for_each, sum_shares, tensor, values, vectorized};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::ClassSums;

/// Voxels whose probabilities are computed together: few enough for the L1 cache.
const BLOCK: usize = 256;

/// Parallel partial sums: a multiple of every processor's vector width.
const LANES: usize = 16;

impl Operation<Flex, 2, 2> for ClassSums {
    type Kept = ();

    fn forward(&self, inputs: [FlexTensor; 2]) -> (FlexTensor, ()) {
        let [logits, truth] = inputs.map(|tensor| tensor.to_contiguous());
        (forward(&Volume::new(&logits, &truth), *self), ())
    }

    fn needed<T>(inputs: [T; 2]) -> [T; 2] {
        inputs
    }

    fn backward(self, needed: [FlexTensor; 2], (): (), dy: FlexTensor, _wanted: [bool; 2]) -> [Option<FlexTensor>; 2] {
        let dy = dy.to_contiguous();
        let [logits, truth] = needed.map(|tensor| tensor.to_contiguous());
        let dx = backward(&Volume::new(&logits, &truth), values(&dy), self);
        [Some(tensor(dx, logits.shape())), None]
    }
}

/// Logits and truth, `[batch, class, voxel]`.
struct Volume<'a> {
    logits: &'a [f32],
    truth: &'a [f32],
    batch: usize,
    classes: usize,
    voxels: usize,
}

/// A run of voxels of a sample.
#[derive(Clone, Copy)]
struct Run {
    sample: usize,
    start: usize,
    count: usize,
}

impl<'a> Volume<'a> {
    fn new(logits: &'a FlexTensor, truth: &'a FlexTensor) -> Self {
        let shape = logits.shape();
        Self {
            logits: values(logits),
            truth: values(truth),
            batch: shape[0],
            classes: shape[1],
            voxels: shape[2],
        }
    }

    /// Number of runs.
    fn runs(&self) -> usize {
        self.batch * self.voxels.div_ceil(BLOCK)
    }

    fn run(&self, index: usize) -> Run {
        let runs = self.voxels.div_ceil(BLOCK);
        let start = index % runs * BLOCK;
        Run {
            sample: index / runs,
            start,
            count: BLOCK.min(self.voxels - start),
        }
    }

    /// Where a class of a run begins.
    fn place(&self, run: Run, class: usize) -> usize {
        (run.sample * self.classes + class) * self.voxels + run.start
    }

    /// Logits and truth of a class of a run.
    #[inline(always)]
    fn class(&self, run: Run, class: usize) -> (&'a [f32], &'a [f32]) {
        let place = self.place(run, class);
        (&self.logits[place..][..run.count], &self.truth[place..][..run.count])
    }

    /// The softmax of a run by class.
    #[inline(always)]
    fn shares(&self, run: Run, scratch: &mut Scratch) {
        let (largest, total) = (&mut scratch.largest[..run.count], &mut scratch.total[..run.count]);
        largest.copy_from_slice(self.class(run, 0).0);
        for class in 1..self.classes {
            let logits = self.class(run, class).0;
            for n in 0..largest.len() {
                largest[n] = if logits[n] > largest[n] { logits[n] } else { largest[n] };
            }
        }
        total.fill(0.0);
        for (class, shares) in scratch.shares.iter_mut().enumerate() {
            let (logits, shares) = (self.class(run, class).0, &mut shares[..run.count]);
            for n in 0..shares.len() {
                shares[n] = exp(logits[n] - largest[n]);
                total[n] += shares[n];
            }
        }
        for shares in &mut scratch.shares {
            for (share, total) in shares.iter_mut().zip(total.iter()) {
                *share /= total;
            }
        }
    }

    /// How much each voxel of a run counts: wholly, or by the sum of its truth.
    #[inline(always)]
    fn weigh(&self, run: Run, partial: bool, weights: &mut [f32]) {
        if !partial {
            weights.fill(1.0);
            return;
        }
        weights.fill(0.0);
        for class in 0..self.classes {
            let truth = self.class(run, class).1;
            for n in 0..weights.len() {
                weights[n] += truth[n];
            }
        }
    }
}

/// One thread's buffers for a run.
struct Scratch {
    /// Softmax by class.
    shares: Vec<[f32; BLOCK]>,
    /// Per voxel: its largest logit, and the sum of the exponentials of the logits minus it.
    largest: [f32; BLOCK],
    total: [f32; BLOCK],
    /// Per voxel: how much it counts.
    weights: [f32; BLOCK],
}

impl Scratch {
    fn new(classes: usize) -> Self {
        Self {
            shares: vec![[0.0; BLOCK]; classes],
            largest: [0.0; BLOCK],
            total: [0.0; BLOCK],
            weights: [1.0; BLOCK],
        }
    }
}

/// `[batch, class, 3]`, as [`class_sums`](crate::nn::kernel::class_sums) says.
fn forward(volume: &Volume<'_>, ClassSums { squared, partial }: ClassSums) -> FlexTensor {
    let classes = volume.classes;
    let sums = sum_shares(volume.runs(), 3 * volume.batch * classes, |runs, sums| {
        let mut scratch = Scratch::new(classes);
        for run in runs.map(|index| volume.run(index)) {
            let (scratch, sums) = (&mut scratch, &mut sums[3 * run.sample * classes..]);
            vectorized(
                #[inline(always)]
                move || {
                    volume.shares(run, scratch);
                    volume.weigh(run, partial, &mut scratch.weights[..run.count]);
                    for n in 0..run.count {
                        scratch.largest[n] += ln(scratch.total[n]);
                    }
                    for class in 0..classes {
                        let (logits, truth) = volume.class(run, class);
                        let shares = &scratch.shares[class][..run.count];
                        let (log_total, weights) = (&scratch.largest[..run.count], &scratch.weights[..run.count]);
                        let size = |share: f32| if squared { share * share } else { share };
                        let found = [
                            sum(run.count, |n| shares[n] * truth[n]),
                            sum(run.count, |n| size(shares[n]) * weights[n]),
                            sum(run.count, |n| truth[n] * (log_total[n] - logits[n])),
                        ];
                        let places = sums[3 * class..].iter_mut().zip(found);
                        places.for_each(|(sum, found)| *sum += f64::from(found));
                    }
                },
            );
        }
    });
    let sums = sums.into_iter().map(|sum| sum as f32).collect();
    tensor(sums, Shape::from([volume.batch, classes, 3]))
}

/// The gradient of the logits from that of the sums, `[batch, class, 3]`.
///
/// With probabilities p, truth y, the voxel's weight w and gradients a of overlap, b of size and c of cross entropy,
/// the gradient of a probability is g = a·y + b·w (2 b·w·p if squared), and that of a logit
/// p · (g − Σ g·p + Σ c·y) − c·y, sums over the classes.
fn backward(volume: &Volume<'_>, dy: &[f32], ClassSums { squared, partial }: ClassSums) -> Vec<f32> {
    let (classes, length) = (volume.classes, volume.logits.len());
    let mut dx = Vec::with_capacity(length);
    let whole = Shared(dx.as_mut_ptr());
    let scratch = || Scratch::new(classes);
    for_each(volume.runs(), scratch, |scratch, index| {
        let run = volume.run(index);
        let dy = &dy[3 * run.sample * classes..];
        let share_gradient = move |class: usize, share: f32, truth: f32, weight: f32| {
            let (of_overlap, of_size) = (dy[3 * class], dy[3 * class + 1]);
            let slope = if squared { 2.0 * share } else { 1.0 };
            of_overlap * truth + of_size * slope * weight
        };
        vectorized(
            #[inline(always)]
            move || {
                volume.shares(run, scratch);
                volume.weigh(run, partial, &mut scratch.weights[..run.count]);
                let weights = &scratch.weights[..run.count];
                let common = &mut scratch.total[..run.count];
                common.fill(0.0);
                for class in 0..classes {
                    let truth = volume.class(run, class).1;
                    let shares = &scratch.shares[class][..run.count];
                    let of_entropy = dy[3 * class + 2];
                    for n in 0..common.len() {
                        let gradient = share_gradient(class, shares[n], truth[n], weights[n]);
                        common[n] += of_entropy * truth[n] - gradient * shares[n];
                    }
                }
                for class in 0..classes {
                    let truth = volume.class(run, class).1;
                    let shares = &scratch.shares[class][..run.count];
                    let of_entropy = dy[3 * class + 2];
                    // SAFETY: this class of this run is inside, and no other thread writes it.
                    let place = unsafe { whole.at(volume.place(run, class)) };
                    for n in 0..run.count {
                        let gradient = share_gradient(class, shares[n], truth[n], weights[n]) + common[n];
                        let value = shares[n] * gradient - of_entropy * truth[n];
                        // SAFETY: as above.
                        unsafe { place.add(n).write(value) };
                    }
                }
            },
        );
    });
    // SAFETY: there is room for `length` values, and every run of every class has been written.
    unsafe { dx.set_len(length) };
    dx
}

/// The sum of `count` terms, at most some hundreds.
#[inline(always)]
fn sum(count: usize, term: impl Fn(usize) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let whole = count / LANES * LANES;
    for first in (0..whole).step_by(LANES) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += term(first + lane);
        }
    }
    let rest: f32 = (whole..count).map(&term).sum();
    lanes.iter().sum::<f32>() + rest
}
