//! Group norm with gain and bias, and the ReLU after it: two passes forward, two backward, sums in f64.

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
use super::work::{fill, tensor, values, vectorised};

/// See [`group_norm_relu`](crate::nn::kernel::group_norm_relu).
pub(in crate::nn::kernel) fn group_norm_relu(
    x: Tensor<5>,
    gain: Tensor<1>,
    bias: Tensor<1>,
    groups: usize,
) -> Tensor<5> {
    Tensor::from_dispatch(<Dispatch as GroupNorm>::group_norm_relu(
        x.into_dispatch(),
        gain.into_dispatch(),
        bias.into_dispatch(),
        groups,
    ))
}

#[backend_extension(Flex, Autodiff)]
trait GroupNorm: Backend {
    fn group_norm_relu(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        groups: usize,
    ) -> FloatTensor<Self>;
}

impl GroupNorm for Flex {
    fn group_norm_relu(
        x: FlexTensor,
        gain: FlexTensor,
        bias: FlexTensor,
        groups: usize,
    ) -> FlexTensor {
        forward(x, gain, bias, groups).0
    }
}

impl<C: CheckpointStrategy> GroupNorm for Autodiff<Flex, C> {
    fn group_norm_relu(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        groups: usize,
    ) -> FloatTensor<Self> {
        let node = Node.prepare::<C>([x.node(), gain.node(), bias.node()]);
        match node.compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let nodes = [&x, &gain, &bias].map(|tensor| prep.checkpoint(tensor));
                let [x, gain, bias] = [x, gain, bias].map(|tensor| tensor.into_primitive());
                let (y, moments) = forward(x, gain, bias, groups);
                prep.finish((nodes, moments), y)
            }
            OpsKind::UnTracked(prep) => {
                let [x, gain, bias] = [x, gain, bias].map(|tensor| tensor.into_primitive());
                prep.finish(forward(x, gain, bias, groups).0)
            }
        }
    }
}

#[derive(Debug)]
struct Node;

impl Backward<Flex, 3> for Node {
    /// Input, gain and bias, and what is known of every sample's groups.
    type State = ([NodeId; 3], Vec<Moments>);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        gradients: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let dy = gradients.consume::<Flex>(&ops.node);
        let (inputs, moments) = ops.state;
        let [x, gain, bias]: [FlexTensor; 3] =
            inputs.map(|input| checkpointer.retrieve_node_output(input));
        let found = backward(x, gain, bias, dy, &moments);
        for (node, gradient) in ops.parents.into_iter().zip(found) {
            if let Some(node) = node {
                gradients.register::<Flex>(node.id, gradient);
            }
        }
    }
}

/// The result, and what is known of every sample's groups.
fn forward(
    x: FlexTensor,
    gain: FlexTensor,
    bias: FlexTensor,
    groups: usize,
) -> (FlexTensor, Vec<Moments>) {
    let shape = x.shape();
    let [x, gain, bias] = [x, gain, bias].map(|tensor| tensor.to_contiguous());
    let (x, gain, bias) = (values(&x), values(&gain), values(&bias));
    let voxels = x.len() / shape[0] / gain.len();
    let channels = gain.len() / groups;
    let size = channels * voxels;
    let (y, moments) = fill(x.len(), size, |index, y| {
        let x = &x[index * size..][..size];
        let first = index % groups * channels;
        vectorised(
            #[inline(always)]
            move || {
                let moments = Moments::of(x);
                for (channel, x) in x.chunks_exact(voxels).enumerate() {
                    let (gain, bias) = (gain[first + channel], bias[first + channel]);
                    y.put_each(x, |x| (moments.normal(x) * gain + bias).max(0.0));
                }
                moments
            },
        )
    });
    (tensor(y, shape), moments)
}

/// The gradients of the input, of gain and of bias.
fn backward(
    x: FlexTensor,
    gain: FlexTensor,
    bias: FlexTensor,
    dy: FlexTensor,
    moments: &[Moments],
) -> [FlexTensor; 3] {
    let (shape, of_channels) = (x.shape(), gain.shape());
    let [x, gain, bias, dy] = [x, gain, bias, dy].map(|tensor| tensor.to_contiguous());
    let (x, gain, bias, dy) = (values(&x), values(&gain), values(&bias), values(&dy));
    let (voxels, groups) = (x.len() / shape[0] / gain.len(), moments.len() / shape[0]);
    let channels = gain.len() / groups;
    let size = channels * voxels;
    let (dx, parts) = fill(x.len(), size, |index, dx| {
        let run = index * size..(index + 1) * size;
        let (x, dy, moments) = (&x[run.clone()], &dy[run], moments[index]);
        let first = index % groups * channels;
        let (gain, bias) = (&gain[first..][..channels], &bias[first..][..channels]);
        vectorised(
            #[inline(always)]
            move || {
                let pairs = || x.chunks_exact(voxels).zip(dy.chunks_exact(voxels));
                let lines = || pairs().zip(gain.iter().zip(bias));
                let found: Vec<[f64; 2]> = lines()
                    .map(|((x, dy), (&gain, &bias))| {
                        sums(
                            x,
                            dy,
                            #[inline(always)]
                            |x, dy| {
                                let (normal, dy) = before(moments, x, dy, gain, bias);
                                [f64::from(dy), f64::from(dy) * f64::from(normal)]
                            },
                        )
                    })
                    .collect();
                let mean = |which: usize| {
                    let terms = found.iter().zip(gain);
                    let sum: f64 = terms
                        .map(|(found, &gain)| f64::from(gain) * found[which])
                        .sum();
                    (sum / size as f64) as f32
                };
                let (mean, slant, scale) = (mean(0), mean(1), moments.scale as f32);
                for ((x, dy), (&gain, &bias)) in lines() {
                    dx.put_pairs(x, dy, |x, dy| {
                        let (normal, dy) = before(moments, x, dy, gain, bias);
                        scale * (dy * gain - mean - normal * slant)
                    });
                }
                found
            },
        )
    });
    let total = |which: usize| {
        let channel = |channel: usize| {
            let of_samples = parts.iter().skip(channel / channels).step_by(groups);
            let sum: f64 = of_samples.map(|part| part[channel % channels][which]).sum();
            sum as f32
        };
        tensor((0..gain.len()).map(channel).collect(), of_channels.clone())
    };
    [tensor(dx, shape), total(1), total(0)]
}

/// A normalised value, and the gradient of what gain and bias make of it.
#[inline(always)]
fn before(moments: Moments, x: f32, dy: f32, gain: f32, bias: f32) -> (f32, f32) {
    let normal = moments.normal(x);
    (normal, if normal * gain + bias > 0.0 { dy } else { 0.0 })
}
