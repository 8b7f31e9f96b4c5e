//! The CPU instance norm as an operation of burn's graph.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::moments::{backward, forward};

/// See [`instance_norm`](crate::nn::kernel::instance_norm).
pub(in crate::nn::kernel) fn normalise(x: Tensor<5>, slope: f64) -> Tensor<5> {
    let y = <Dispatch as Normalise>::normalise(x.into_dispatch(), slope as f32);
    Tensor::from_dispatch(y)
}

#[backend_extension(Flex, Autodiff)]
trait Normalise: Backend {
    fn normalise(x: FloatTensor<Self>, slope: f32) -> FloatTensor<Self>;
}

impl Normalise for Flex {
    fn normalise(x: FloatTensor<Self>, slope: f32) -> FloatTensor<Self> {
        let voxels = voxels(&x);
        forward(x, voxels, slope).0
    }
}

impl<C: CheckpointStrategy> Normalise for Autodiff<Flex, C> {
    fn normalise(x: FloatTensor<Self>, slope: f32) -> FloatTensor<Self> {
        let voxels = voxels(&x);
        let node = Node.prepare::<C>([x.node()]).compute_bound();
        match node.stateful() {
            OpsKind::Tracked(prep) => {
                // The result is kept by whatever comes next, so keeping it here costs nothing.
                let (y, scales) = forward(x.into_primitive(), voxels, slope);
                prep.finish((y.clone(), scales, slope), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(forward(x.into_primitive(), voxels, slope).0),
        }
    }
}

/// Voxels of one channel of `[batch, channel, d, h, w]`.
fn voxels(x: &impl TensorMetadata) -> usize {
    let shape = x.shape();
    shape[2] * shape[3] * shape[4]
}

#[derive(Debug)]
struct Node;

impl Backward<Flex, 1> for Node {
    /// Result, reciprocal standard deviations, slope.
    type State = (FloatTensor<Flex>, FloatTensor<Flex>, f32);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let dy = gradients.consume::<Flex>(&ops.node);
        let [x_node] = ops.parents;
        let (y, scales, slope) = ops.state;
        if let Some(node) = x_node {
            let voxels = voxels(&y);
            gradients.register::<Flex>(node.id, backward(y, scales, dy, voxels, slope));
        }
    }
}
