//! The CPU convolution as an operation of burn's graph.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;

use super::tiles::{forward, gradients};

/// See [`conv3d_same`](crate::nn::kernel::conv3d_same).
pub(in crate::nn::kernel) fn convolve(x: Tensor<5>, weight: Tensor<5>) -> Tensor<5> {
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
        found: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let dy = found.consume::<Flex>(&ops.node);
        let [x_node, weight_node] = ops.parents;
        let x: FloatTensor<Flex> = checkpointer.retrieve_node_output(ops.state.0);
        let weight: FloatTensor<Flex> = checkpointer.retrieve_node_output(ops.state.1);
        let wanted = [x_node.is_some(), weight_node.is_some()];
        let (dx, dw) = gradients(x, weight, dy, wanted);
        for (node, gradient) in [(x_node, dx), (weight_node, dw)] {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                found.register::<Flex>(node.id, gradient);
            }
        }
    }
}
