//! Layer norm with gain and bias: two passes forward, two backward, sums in f64.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::moments::{Moments, sums};
use super::work::{CHUNK, fill, tensor, values, vectorised};

/// See [`layer_norm`](crate::nn::kernel::layer_norm).
pub(in crate::nn::kernel) fn layer_norm<const D: usize>(
    x: Tensor<D>,
    gain: Tensor<1>,
    bias: Tensor<1>,
) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as LayerNorm>::layer_norm(
        x.into_dispatch(),
        gain.into_dispatch(),
        bias.into_dispatch(),
    ))
}

#[backend_extension(Flex, Autodiff)]
trait LayerNorm: Backend {
    fn layer_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl LayerNorm for Flex {
    fn layer_norm(x: FlexTensor, gain: FlexTensor, bias: FlexTensor) -> FlexTensor {
        forward(x, gain, bias).0
    }
}

impl<C: CheckpointStrategy> LayerNorm for Autodiff<Flex, C> {
    fn layer_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let node = Node.prepare::<C>([x.node(), gain.node(), bias.node()]);
        match node.compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let nodes = (prep.checkpoint(&x), prep.checkpoint(&gain));
                let [x, gain, bias] = [x, gain, bias].map(|tensor| tensor.into_primitive());
                let (y, rows) = forward(x, gain, bias);
                prep.finish((nodes, rows), y)
            }
            OpsKind::UnTracked(prep) => {
                let [x, gain, bias] = [x, gain, bias].map(|tensor| tensor.into_primitive());
                prep.finish(forward(x, gain, bias).0)
            }
        }
    }
}

#[derive(Debug)]
struct Node;

impl Backward<Flex, 3> for Node {
    /// Input and gain, and what is known of the rows.
    type State = ((NodeId, NodeId), Vec<Moments>);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        gradients: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let dy = gradients.consume::<Flex>(&ops.node);
        let ((x, gain), rows) = ops.state;
        let x: FlexTensor = checkpointer.retrieve_node_output(x);
        let gain: FlexTensor = checkpointer.retrieve_node_output(gain);
        let shape = gain.shape();
        let (dx, [dgain, dbias]) = backward(x, gain, dy, &rows);
        let [x_node, gain_node, bias_node] = ops.parents;
        let found = [(x_node, dx)].into_iter().chain([
            (gain_node, tensor(dgain, shape.clone())),
            (bias_node, tensor(dbias, shape)),
        ]);
        for (node, gradient) in found {
            if let Some(node) = node {
                gradients.register::<Flex>(node.id, gradient);
            }
        }
    }
}

/// How many rows one thread takes at a time.
fn rows_together(channels: usize) -> usize {
    (CHUNK / channels).max(1)
}

/// The result, and what is known of each row of `x`.
fn forward(x: FlexTensor, gain: FlexTensor, bias: FlexTensor) -> (FlexTensor, Vec<Moments>) {
    let shape = x.shape();
    let [x, gain, bias] = [x, gain, bias].map(|tensor| tensor.to_contiguous());
    let (x, gain, bias) = (values(&x), values(&gain), values(&bias));
    let channels = gain.len();
    let size = rows_together(channels) * channels;
    let (y, rows) = fill(x.len(), size, |index, y| {
        let x = &x[index * size..][..y.len()];
        vectorised(
            #[inline(always)]
            move || {
                let rows = x.chunks_exact(channels).map(|x| {
                    let row = Moments::of(x);
                    y.put_triples(x, gain, bias, |x, gain, bias| row.normal(x) * gain + bias);
                    row
                });
                rows.collect::<Vec<_>>()
            },
        )
    });
    (tensor(y, shape), rows.concat())
}

/// The gradients of the input, and of gain and bias.
fn backward(
    x: FlexTensor,
    gain: FlexTensor,
    dy: FlexTensor,
    rows: &[Moments],
) -> (FlexTensor, [Vec<f32>; 2]) {
    let shape = x.shape();
    let [x, gain, dy] = [x, gain, dy].map(|tensor| tensor.to_contiguous());
    let (x, gain, dy) = (values(&x), values(&gain), values(&dy));
    let channels = gain.len();
    let together = rows_together(channels);
    let size = together * channels;
    let (dx, parts) = fill(x.len(), size, |index, dx| {
        let run = index * size..index * size + dx.len();
        let (x, dy) = (&x[run.clone()], &dy[run]);
        let rows = &rows[index * together..];
        let mut found = [vec![0.0; channels], vec![0.0; channels]];
        let [dgain, dbias] = &mut found;
        let mut room = vec![0.0; channels];
        vectorised(
            #[inline(always)]
            move || {
                let pairs = x.chunks_exact(channels).zip(dy.chunks_exact(channels));
                for ((x, dy), &row) in pairs.zip(rows) {
                    for channel in 0..channels {
                        let normal = row.normal(x[channel]);
                        dgain[channel] += f64::from(dy[channel]) * f64::from(normal);
                        dbias[channel] += f64::from(dy[channel]);
                        room[channel] = dy[channel] * gain[channel];
                    }
                    let [sum, product] = sums(
                        &room,
                        x,
                        #[inline(always)]
                        |dy, x| [f64::from(dy), f64::from(dy) * f64::from(row.normal(x))],
                    );
                    let mean = (sum / channels as f64) as f32;
                    let slant = (product / channels as f64) as f32;
                    let scale = row.scale as f32;
                    dx.put_pairs(&room, x, |dy, x| {
                        scale * (dy - mean - row.normal(x) * slant)
                    });
                }
            },
        );
        found
    });
    let total = [0, 1].map(|which| {
        let mut total = vec![0.0f64; channels];
        for part in &parts {
            let places = total.iter_mut().zip(&part[which]);
            places.for_each(|(total, part)| *total += part);
        }
        total.into_iter().map(|total| total as f32).collect()
    });
    (tensor(dx, shape), total)
}
