//! Sum and leaky ReLU in one pass, for the end of a residual block.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;

use super::work::map_pairs;

/// See [`add_leaky_relu`](crate::nn::kernel::add_leaky_relu).
pub(in crate::nn::kernel) fn add(a: Tensor<5>, b: Tensor<5>, slope: f64) -> Tensor<5> {
    let (a, b) = (a.into_dispatch(), b.into_dispatch());
    Tensor::from_dispatch(<Dispatch as AddLeaky>::add_leaky(a, b, slope as f32))
}

#[backend_extension(Flex, Autodiff)]
trait AddLeaky: Backend {
    fn add_leaky(a: FloatTensor<Self>, b: FloatTensor<Self>, slope: f32) -> FloatTensor<Self>;
}

impl AddLeaky for Flex {
    fn add_leaky(a: FloatTensor<Self>, b: FloatTensor<Self>, slope: f32) -> FloatTensor<Self> {
        map_pairs(
            &a,
            &b,
            #[inline(always)]
            |a, b| {
                let sum = a + b;
                if sum > 0.0 { sum } else { sum * slope }
            },
        )
    }
}

impl<C: CheckpointStrategy> AddLeaky for Autodiff<Flex, C> {
    fn add_leaky(a: FloatTensor<Self>, b: FloatTensor<Self>, slope: f32) -> FloatTensor<Self> {
        let node = Node.prepare::<C>([a.node(), b.node()]).compute_bound();
        let y = |a: FloatTensor<Self>, b: FloatTensor<Self>| {
            Flex::add_leaky(a.into_primitive(), b.into_primitive(), slope)
        };
        match node.stateful() {
            OpsKind::Tracked(prep) => {
                // The result is kept by whatever comes next, so keeping it here costs nothing.
                let y = y(a, b);
                prep.finish((y.clone(), slope), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y(a, b)),
        }
    }
}

#[derive(Debug)]
struct Node;

impl Backward<Flex, 2> for Node {
    /// Result and slope. As the slope is not negative, the result has the sum's sign.
    type State = (FloatTensor<Flex>, f32);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let dy = gradients.consume::<Flex>(&ops.node);
        let (y, slope) = ops.state;
        let dx = map_pairs(
            &y,
            &dy,
            #[inline(always)]
            |y, dy| if y > 0.0 { dy } else { dy * slope },
        );
        for node in ops.parents.into_iter().flatten() {
            gradients.register::<Flex>(node.id, dx.clone());
        }
    }
}
