//! Attention of windows of tokens as an operation of burn's graph; see `heads`.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;

use super::heads::{backward, forward};

/// See [`attention`](crate::nn::kernel::attention). What is not there is a tensor of one zero.
pub(in crate::nn::kernel) fn attend(
    heads: usize,
    query: Tensor<3>,
    rest: Option<Tensor<3>>,
    bias: Option<Tensor<3>>,
    mask: Option<Tensor<3>>,
) -> Tensor<3> {
    let device = query.device();
    let some = |tensor: Option<Tensor<3>>| {
        let tensor = tensor.unwrap_or_else(|| Tensor::zeros([1, 1, 1], &device));
        tensor.into_dispatch()
    };
    Tensor::from_dispatch(<Dispatch as Attend>::attend(
        query.into_dispatch(),
        some(rest),
        some(bias),
        some(mask),
        heads,
    ))
}

#[backend_extension(Flex, Autodiff)]
trait Attend: Backend {
    fn attend(
        query: FloatTensor<Self>,
        rest: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self>;
}

impl Attend for Flex {
    fn attend(
        query: FlexTensor,
        rest: FlexTensor,
        bias: FlexTensor,
        mask: FlexTensor,
        heads: usize,
    ) -> FlexTensor {
        forward([&query, &rest, &bias, &mask], heads)
    }
}

impl<C: CheckpointStrategy> Attend for Autodiff<Flex, C> {
    fn attend(
        query: FloatTensor<Self>,
        rest: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self> {
        let parents = [query.node(), rest.node(), bias.node()];
        let node = Node.prepare::<C>(parents).compute_bound();
        match node.stateful() {
            OpsKind::Tracked(mut prep) => {
                let kept = [&query, &rest, &bias].map(|tensor| prep.checkpoint(tensor));
                let [query, rest, bias, mask] =
                    [query, rest, bias, mask].map(|tensor| tensor.into_primitive());
                let y = forward([&query, &rest, &bias, &mask], heads);
                prep.finish((kept, mask, heads), y)
            }
            OpsKind::UnTracked(prep) => {
                let [query, rest, bias, mask] =
                    [query, rest, bias, mask].map(|tensor| tensor.into_primitive());
                prep.finish(forward([&query, &rest, &bias, &mask], heads))
            }
        }
    }
}

#[derive(Debug)]
struct Node;

impl Backward<Flex, 3> for Node {
    /// What it was computed from, and the heads.
    type State = ([NodeId; 3], FlexTensor, usize);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        gradients: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let dy = gradients.consume::<Flex>(&ops.node);
        let (kept, mask, heads) = ops.state;
        let [query, rest, bias]: [FlexTensor; 3] =
            kept.map(|node| checkpointer.retrieve_node_output(node));
        let found = backward([&query, &rest, &bias, &mask], dy, heads);
        for (node, gradient) in ops.parents.into_iter().zip(found) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                gradients.register::<Flex>(node.id, gradient);
            }
        }
    }
}
