//! Softmax, overlap and cross entropy of a loss in one pass, and their gradient in another.

// Threads write the gradient, each its own voxels.
#![allow(unsafe_code)]

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Shape, Tensor};

use super::math::{exp, ln};
use super::work::{Shared, for_each, sum_shares, tensor, values, vectorised};

/// Voxels whose shares of all classes are computed together: few enough for the fastest cache.
const BLOCK: usize = 256;

/// Values that are added up side by side: whole vectors of every processor.
const LANES: usize = 16;

/// See [`class_sums`](crate::nn::kernel::class_sums).
pub(in crate::nn::kernel) fn sums(logits: Tensor<3>, truth: Tensor<3>, squared: bool) -> Tensor<3> {
    let (logits, truth) = (logits.into_dispatch(), truth.into_dispatch());
    Tensor::from_dispatch(<Dispatch as ClassSums>::class_sums(logits, truth, squared))
}

#[backend_extension(Flex, Autodiff)]
trait ClassSums: Backend {
    fn class_sums(
        logits: FloatTensor<Self>,
        truth: FloatTensor<Self>,
        squared: bool,
    ) -> FloatTensor<Self>;
}

impl ClassSums for Flex {
    fn class_sums(logits: FlexTensor, truth: FlexTensor, squared: bool) -> FlexTensor {
        let [logits, truth] = [logits, truth].map(|tensor| tensor.to_contiguous());
        forward(&Volume::new(&logits, &truth), squared)
    }
}

impl<C: CheckpointStrategy> ClassSums for Autodiff<Flex, C> {
    fn class_sums(
        logits: FloatTensor<Self>,
        truth: FloatTensor<Self>,
        squared: bool,
    ) -> FloatTensor<Self> {
        let node = Node.prepare::<C>([logits.node()]).compute_bound();
        let truth = truth.into_primitive();
        let sums = |logits: FloatTensor<Self>, truth| {
            Flex::class_sums(logits.into_primitive(), truth, squared)
        };
        match node.stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&logits), truth.clone(), squared);
                prep.finish(state, sums(logits, truth))
            }
            OpsKind::UnTracked(prep) => prep.finish(sums(logits, truth)),
        }
    }
}

#[derive(Debug)]
struct Node;

impl Backward<Flex, 1> for Node {
    /// Logits, truth, whether shares are squared.
    type State = (NodeId, FlexTensor, bool);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let dy = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let (logits, truth, squared) = ops.state;
        let logits: FlexTensor = checkpointer.retrieve_node_output(logits);
        let [logits, truth] = [logits, truth].map(|tensor| tensor.to_contiguous());
        let [logits_node] = ops.parents;
        if let Some(node) = logits_node {
            let dx = backward(&Volume::new(&logits, &truth), values(&dy), squared);
            gradients.register::<Flex>(node.id, tensor(dx, logits.shape()));
        }
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

    /// How many runs there are.
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
        (
            &self.logits[place..][..run.count],
            &self.truth[place..][..run.count],
        )
    }

    /// The softmax of a run by class.
    #[inline(always)]
    fn shares(&self, run: Run, room: &mut Room) {
        let (largest, total) = (&mut room.largest[..run.count], &mut room.total[..run.count]);
        largest.copy_from_slice(self.class(run, 0).0);
        for class in 1..self.classes {
            let logits = self.class(run, class).0;
            for n in 0..largest.len() {
                largest[n] = if logits[n] > largest[n] {
                    logits[n]
                } else {
                    largest[n]
                };
            }
        }
        total.fill(0.0);
        for (class, shares) in room.shares.iter_mut().enumerate() {
            let (logits, shares) = (self.class(run, class).0, &mut shares[..run.count]);
            for n in 0..shares.len() {
                shares[n] = exp(logits[n] - largest[n]);
                total[n] += shares[n];
            }
        }
        for shares in &mut room.shares {
            for (share, total) in shares.iter_mut().zip(total.iter()) {
                *share /= total;
            }
        }
    }
}

/// What one thread needs for a run.
struct Room {
    /// Softmax by class.
    shares: Vec<[f32; BLOCK]>,
    /// Of each voxel: its largest logit, and the sum of the exponentials of how much less the others are.
    largest: [f32; BLOCK],
    total: [f32; BLOCK],
}

impl Room {
    fn new(classes: usize) -> Self {
        Self {
            shares: vec![[0.0; BLOCK]; classes],
            largest: [0.0; BLOCK],
            total: [0.0; BLOCK],
        }
    }
}

/// `[batch, class, 3]`, as [`class_sums`](crate::nn::kernel::class_sums) says.
fn forward(volume: &Volume<'_>, squared: bool) -> FlexTensor {
    let classes = volume.classes;
    let sums = sum_shares(volume.runs(), 3 * volume.batch * classes, |runs, sums| {
        let mut room = Room::new(classes);
        for run in runs.map(|index| volume.run(index)) {
            let (room, sums) = (&mut room, &mut sums[3 * run.sample * classes..]);
            vectorised(
                #[inline(always)]
                move || {
                    volume.shares(run, room);
                    for n in 0..run.count {
                        room.largest[n] += ln(room.total[n]);
                    }
                    for class in 0..classes {
                        let (logits, truth) = volume.class(run, class);
                        let shares = &room.shares[class][..run.count];
                        let log_total = &room.largest[..run.count];
                        let found = [
                            sum(run.count, |n| shares[n] * truth[n]),
                            sum(run.count, |n| {
                                if squared {
                                    shares[n] * shares[n]
                                } else {
                                    shares[n]
                                }
                            }),
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
/// With shares p, truth y and gradients a of overlap, b of size and c of cross entropy, a share has the gradient
/// g = a·y + b (2 b·p where it is squared), and a logit p · (g − Σ g·p + Σ c·y) − c·y, sums over the classes.
fn backward(volume: &Volume<'_>, dy: &[f32], squared: bool) -> Vec<f32> {
    let (classes, length) = (volume.classes, volume.logits.len());
    let mut dx = Vec::with_capacity(length);
    let whole = Shared(dx.as_mut_ptr());
    let room = || Room::new(classes);
    for_each(volume.runs(), room, |room, index| {
        let run = volume.run(index);
        let dy = &dy[3 * run.sample * classes..];
        let share_gradient = move |class: usize, share: f32, truth: f32| {
            let (of_overlap, of_size) = (dy[3 * class], dy[3 * class + 1]);
            of_overlap * truth + of_size * if squared { 2.0 * share } else { 1.0 }
        };
        vectorised(
            #[inline(always)]
            move || {
                volume.shares(run, room);
                let common = &mut room.total[..run.count];
                common.fill(0.0);
                for class in 0..classes {
                    let truth = volume.class(run, class).1;
                    let shares = &room.shares[class][..run.count];
                    let of_entropy = dy[3 * class + 2];
                    for n in 0..common.len() {
                        let gradient = share_gradient(class, shares[n], truth[n]);
                        common[n] += of_entropy * truth[n] - gradient * shares[n];
                    }
                }
                for class in 0..classes {
                    let truth = volume.class(run, class).1;
                    let shares = &room.shares[class][..run.count];
                    let of_entropy = dy[3 * class + 2];
                    // SAFETY: this class of this run is inside, and nobody else writes it.
                    let place = unsafe { whole.at(volume.place(run, class)) };
                    for n in 0..run.count {
                        let gradient = share_gradient(class, shares[n], truth[n]) + common[n];
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
