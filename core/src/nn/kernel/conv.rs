//! The CPU convolution as an operation of burn's graph.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::conv_cpu::{forward, weight_gradient};

/// See [`conv3d_same`](super::conv3d_same).
pub(super) fn convolve(x: Tensor<5>, weight: Tensor<5>) -> Tensor<5> {
    Tensor::from_dispatch(<Dispatch as Convolve>::convolve(
        x.into_dispatch(),
        weight.into_dispatch(),
    ))
}

#[backend_extension(Flex, Autodiff)]
trait Convolve: Backend {
    fn convolve(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl Convolve for Flex {
    fn convolve(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        forward(x, weight)
    }
}

impl<C: CheckpointStrategy> Convolve for Autodiff<Flex, C> {
    fn convolve(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let node = Node.prepare::<C>([x.node(), weight.node()]).compute_bound();
        match node.stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x), prep.checkpoint(&weight));
                prep.finish(state, forward(x.into_primitive(), weight.into_primitive()))
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(forward(x.into_primitive(), weight.into_primitive()))
            }
        }
    }
}

#[derive(Debug)]
struct Node;

impl Backward<Flex, 2> for Node {
    type State = (NodeId, NodeId);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        gradients: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let dy = gradients.consume::<Flex>(&ops.node);
        let [x_node, weight_node] = ops.parents;
        let x: FloatTensor<Flex> = checkpointer.retrieve_node_output(ops.state.0);
        let weight: FloatTensor<Flex> = checkpointer.retrieve_node_output(ops.state.1);
        let kernel = weight.shape()[4];
        if let Some(node) = x_node {
            // The transpose of a "same" convolution is one with the kernel mirrored and its channel
            // axes exchanged.
            let exchanged = Flex::float_swap_dims(weight, 0, 1);
            let mirrored = Flex::float_flip(exchanged, &[2, 3, 4]);
            gradients.register::<Flex>(node.id, forward(dy.clone(), mirrored));
        }
        if let Some(node) = weight_node {
            gradients.register::<Flex>(node.id, weight_gradient(x, dy, kernel));
        }
    }
}
