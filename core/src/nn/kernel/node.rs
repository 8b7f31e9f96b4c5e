//! The one node of burn's graph behind every kernel, on a CPU and on a GPU.
//!
//! burn asks a lot of a custom operation: a trait over backends, an implementation for each plain backend and one for
//! the backend that records the graph, and a backward step that fetches saved tensors and registers gradients. All of
//! that is here, once. A kernel is an [`Operation`]: its forward and its backward pass on plain tensors of a backend.
//! Callers pass it to [`unary`], [`binary`], [`ternary`] or [`quaternary`], by the number of its inputs.

use std::fmt::Debug;
use std::marker::PhantomData;

#[cfg(feature = "gpu")]
use burn::backend::Cube;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;

/// A differentiable operation on `N` tensors, whose backward pass needs `K` of them.
///
/// A value holds the operation's parameters, such as a slope. An input without a gradient must be detached first.
pub(super) trait Operation<B: Backend, const N: usize, const K: usize>: Clone + Debug + Send + 'static {
    /// What the forward pass saves for the backward pass, besides the inputs.
    type Kept: Clone + Debug + Send + 'static;

    /// The result, and what is saved.
    fn forward(&self, inputs: [FloatTensor<B>; N]) -> (FloatTensor<B>, Self::Kept);

    /// The inputs that the backward pass needs.
    fn needed<T>(inputs: [T; N]) -> [T; K];

    /// The gradients of the inputs from the result's gradient `dy`. Those that are not `wanted` may be left out.
    fn backward(
        self,
        needed: [FloatTensor<B>; K],
        kept: Self::Kept,
        dy: FloatTensor<B>,
        wanted: [bool; N],
    ) -> [Option<FloatTensor<B>>; N];
}

/// An operation with a kernel for every backend that has kernels.
#[cfg(feature = "gpu")]
pub(super) trait Kernels<const N: usize, const K: usize>: Operation<Flex, N, K> + Operation<Cube, N, K> {}
#[cfg(feature = "gpu")]
impl<O: Operation<Flex, N, K> + Operation<Cube, N, K>, const N: usize, const K: usize> Kernels<N, K> for O {}

/// An operation with a kernel for every backend that has kernels.
#[cfg(not(feature = "gpu"))]
pub(super) trait Kernels<const N: usize, const K: usize>: Operation<Flex, N, K> {}
#[cfg(not(feature = "gpu"))]
impl<O: Operation<Flex, N, K>, const N: usize, const K: usize> Kernels<N, K> for O {}

/// The backward step of an operation.
#[derive(Debug)]
struct Node<O, const K: usize>(PhantomData<O>);

impl<B: Backend, O: Operation<B, N, K>, const N: usize, const K: usize> Backward<B, N> for Node<O, K> {
    /// The operation, the inputs that it needs again, and what else was saved.
    type State = (O, [NodeId; K], O::Kept);

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, checkpointer: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let (operation, needed, kept) = ops.state;
        let needed = needed.map(|node| checkpointer.retrieve_node_output(node));
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let found = operation.backward(needed, kept, dy, wanted);
        for (parent, gradient) in ops.parents.into_iter().zip(found) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                gradients.register::<B>(parent.id, gradient);
            }
        }
    }
}

/// Runs an operation, and records it where a gradient is needed.
fn record<B: Backend, O: Operation<B, N, K>, C: CheckpointStrategy, const N: usize, const K: usize>(
    operation: O,
    inputs: [FloatTensor<Autodiff<B, C>>; N],
) -> FloatTensor<Autodiff<B, C>> {
    let parents = inputs.each_ref().map(|input| input.node());
    let node = Node::<O, K>(PhantomData);
    match Backward::<B, N>::prepare::<C>(node, parents).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let needed = O::needed(inputs.each_ref()).map(|input| prep.checkpoint(input));
            let (y, kept) = operation.forward(inputs.map(|input| input.into_primitive()));
            prep.finish((operation, needed, kept), y)
        }
        OpsKind::UnTracked(prep) => {
            let (y, _) = operation.forward(inputs.map(|input| input.into_primitive()));
            prep.finish(y)
        }
    }
}

/// For each number of inputs, a method over backends and the function that calls it: burn routes tensors to their
/// backend by single arguments, so the number cannot be a parameter.
macro_rules! arities {
    (plain $backend:ident: $($name:ident $count:literal ($($input:ident),+);)+) => {
        impl Apply for $backend {
            $(fn $name<O: Kernels<$count, K>, const K: usize>(
                operation: O,
                $($input: FloatTensor<Self>),+
            ) -> FloatTensor<Self> {
                Operation::<$backend, $count, K>::forward(&operation, [$($input),+]).0
            })+
        }

        impl<S: CheckpointStrategy> Apply for Autodiff<$backend, S> {
            $(fn $name<O: Kernels<$count, K>, const K: usize>(
                operation: O,
                $($input: FloatTensor<Self>),+
            ) -> FloatTensor<Self> {
                record::<$backend, O, S, $count, K>(operation, [$($input),+])
            })+
        }
    };
    ($($name:ident $count:literal ($($input:ident $rank:ident),+);)+) => {
        #[backend_extension(Flex, Cube: cfg(feature = "gpu"), Autodiff)]
        trait Apply: Backend {
            $(fn $name<O: Kernels<$count, K>, const K: usize>(
                operation: O,
                $($input: FloatTensor<Self>),+
            ) -> FloatTensor<Self>;)+
        }

        arities!(plain Flex: $($name $count ($($input),+);)+);
        #[cfg(feature = "gpu")]
        arities!(plain Cube: $($name $count ($($input),+);)+);

        $(
            /// Applies an operation with this number of inputs. The result has as many axes as the first.
            pub(super) fn $name<O: Kernels<$count, K>, const K: usize, $(const $rank: usize),+>(
                operation: O,
                $($input: Tensor<$rank>),+
            ) -> Tensor<A> {
                let y = <Dispatch as Apply>::$name(operation, $($input.into_dispatch()),+);
                Tensor::from_dispatch(y)
            }
        )+
    };
}

arities! {
    unary 1 (a A);
    binary 2 (a A, b B);
    ternary 3 (a A, b B, c C);
    quaternary 4 (a A, b B, c C, d D);
}
