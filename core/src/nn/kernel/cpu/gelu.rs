//! The exact GELU, x · Φ(x).

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;

use super::math::{normal_cdf, normal_density};
use super::work::map_pairs;

/// See [`gelu`](crate::nn::kernel::gelu).
pub(in crate::nn::kernel) fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Gelu>::gelu_exact(x.into_dispatch()))
}

#[backend_extension(Flex, Autodiff)]
trait Gelu: Backend {
    fn gelu_exact(x: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl Gelu for Flex {
    fn gelu_exact(x: FlexTensor) -> FlexTensor {
        map_pairs(
            &x,
            &x,
            #[inline(always)]
            |x, _| x * normal_cdf(x),
        )
    }
}

impl<C: CheckpointStrategy> Gelu for Autodiff<Flex, C> {
    fn gelu_exact(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let node = Node.prepare::<C>([x.node()]).compute_bound();
        match node.stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = prep.checkpoint(&x);
                prep.finish(state, Flex::gelu_exact(x.into_primitive()))
            }
            OpsKind::UnTracked(prep) => prep.finish(Flex::gelu_exact(x.into_primitive())),
        }
    }
}

#[derive(Debug)]
struct Node;

impl Backward<Flex, 1> for Node {
    type State = NodeId;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let dy = gradients.consume::<Flex>(&ops.node);
        let x: FlexTensor = checkpointer.retrieve_node_output(ops.state);
        let [x_node] = ops.parents;
        if let Some(node) = x_node {
            let dx = map_pairs(
                &x,
                &dy,
                #[inline(always)]
                |x, dy| dy * (normal_cdf(x) + x * normal_density(x)),
            );
            gradients.register::<Flex>(node.id, dx);
        }
    }
}
