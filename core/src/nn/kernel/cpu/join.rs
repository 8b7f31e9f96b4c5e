//! The channels of two volumes, one after the other.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::work::{fill, tensor, values};

/// See [`join_channels`](crate::nn::kernel::join_channels).
pub(in crate::nn::kernel) fn join(a: Tensor<5>, b: Tensor<5>) -> Tensor<5> {
    let (a, b) = (a.into_dispatch(), b.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Join>::join(a, b))
}

#[backend_extension(Flex, Autodiff)]
trait Join: Backend {
    fn join(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl Join for Flex {
    fn join(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        let mut shape = a.shape();
        let channels = [shape[1], b.shape()[1]];
        let voxels: usize = shape[2..].iter().product();
        shape[1] += channels[1];
        let (a, b) = (a.to_contiguous(), b.to_contiguous());
        let (a, b) = (values(&a), values(&b));
        let (y, _) = fill(a.len() + b.len(), voxels, |index, y| {
            let (sample, channel) = (index / shape[1], index % shape[1]);
            let (source, index) = match channel.checked_sub(channels[0]) {
                None => (a, sample * channels[0] + channel),
                Some(channel) => (b, sample * channels[1] + channel),
            };
            y.put(&source[index * voxels..][..voxels]);
        });
        tensor(y, shape)
    }
}

impl<C: CheckpointStrategy> Join for Autodiff<Flex, C> {
    fn join(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        let node = Node.prepare::<C>([a.node(), b.node()]).compute_bound();
        let channels = a.shape()[1];
        let y = Flex::join(a.into_primitive(), b.into_primitive());
        match node.stateful() {
            OpsKind::Tracked(prep) => prep.finish(channels, y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}

#[derive(Debug)]
struct Node;

impl Backward<Flex, 2> for Node {
    /// Channels of the first.
    type State = usize;

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let dy = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let (first, all) = (ops.state, dy.shape()[1]);
        let [a, b] = ops.parents;
        for (node, channels) in [(a, 0..first), (b, first..all)] {
            if let Some(node) = node {
                gradients.register::<Flex>(node.id, narrow(&dy, channels));
            }
        }
    }
}

/// Some channels of a volume.
fn narrow(x: &FlexTensor, channels: std::ops::Range<usize>) -> FlexTensor {
    let mut shape = x.shape();
    let (all, count) = (shape[1], channels.len());
    shape[1] = count;
    let voxels: usize = shape[2..].iter().product();
    let x = values(x);
    let (y, _) = fill(shape.num_elements(), voxels, |index, y| {
        let source = index / count * all + channels.start + index % count;
        y.put(&x[source * voxels..][..voxels]);
    });
    tensor(y, shape)
}
