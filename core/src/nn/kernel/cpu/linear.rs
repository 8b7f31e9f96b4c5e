//! Linear layers: one matrix product forward, two backward.

// See `matrix`.
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

use super::matrix::{Matrix, Target, multiply, product};
use super::work::{fill, sum_shares, tensor, values};

/// See [`linear`](crate::nn::kernel::linear).
pub(in crate::nn::kernel) fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Linear>::linear(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    ))
}

#[backend_extension(Flex, Autodiff)]
trait Linear: Backend {
    fn linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl Linear for Flex {
    fn linear(x: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        let [rows, inner] = dims(&x);
        let columns = dims(&weight)[1];
        let [x, weight, bias] = [x, weight, bias].map(|tensor| tensor.to_contiguous());
        let (x, weight, bias) = (values(&x), values(&weight), values(&bias));
        let (mut y, _) = fill(rows * columns, columns, |_, row| row.put(bias));
        let target = Target {
            place: y.as_mut_ptr(),
            row: columns,
        };
        let (x, weight) = (Matrix::rows(x, inner), Matrix::rows(weight, columns));
        // SAFETY: every row of the result holds the bias.
        unsafe { multiply(target, x, weight, [rows, columns, inner], true, true) };
        tensor(y, Shape::from([rows, columns]))
    }
}

impl<C: CheckpointStrategy> Linear for Autodiff<Flex, C> {
    fn linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let parents = [x.node(), weight.node(), bias.node()];
        match Node.prepare::<C>(parents).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x), prep.checkpoint(&weight));
                prep.finish(state, forward::<C>(x, weight, bias))
            }
            OpsKind::UnTracked(prep) => prep.finish(forward::<C>(x, weight, bias)),
        }
    }
}

fn forward<C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<Flex, C>>,
    weight: FloatTensor<Autodiff<Flex, C>>,
    bias: FloatTensor<Autodiff<Flex, C>>,
) -> FlexTensor {
    Flex::linear(
        x.into_primitive(),
        weight.into_primitive(),
        bias.into_primitive(),
    )
}

#[derive(Debug)]
struct Node;

impl Backward<Flex, 3> for Node {
    type State = (NodeId, NodeId);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        gradients: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let dy = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let x: FlexTensor = checkpointer.retrieve_node_output(ops.state.0);
        let weight: FlexTensor = checkpointer.retrieve_node_output(ops.state.1);
        let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
        let ([rows, inner], columns) = (dims(&x), dims(&weight)[1]);
        let [x_node, weight_node, bias_node] = ops.parents;
        let matrix = Matrix::rows(values(&dy), columns);
        if let Some(node) = x_node {
            let weight = Matrix::rows(values(&weight), columns).transposed();
            let dx = product(matrix, weight, [rows, inner, columns]);
            gradients.register::<Flex>(node.id, tensor(dx, Shape::from([rows, inner])));
        }
        if let Some(node) = weight_node {
            let x = Matrix::rows(values(&x), inner).transposed();
            let dw = product(x, matrix, [inner, columns, rows]);
            gradients.register::<Flex>(node.id, tensor(dw, Shape::from([inner, columns])));
        }
        if let Some(node) = bias_node {
            let sums = sum_shares(rows, columns, |share, sums| {
                let rows = &values(&dy)[share.start * columns..share.end * columns];
                for row in rows.chunks_exact(columns) {
                    let places = sums.iter_mut().zip(row);
                    places.for_each(|(sum, &value)| *sum += f64::from(value));
                }
            });
            let sums = sums.into_iter().map(|sum| sum as f32).collect();
            gradients.register::<Flex>(node.id, tensor(sums, Shape::from([columns])));
        }
    }
}

fn dims(tensor: &FlexTensor) -> [usize; 2] {
    let shape = tensor.shape();
    [shape[0], shape[1]]
}
