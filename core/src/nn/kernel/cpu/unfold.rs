//! Blocks of channels become blocks of voxels, for transposed convolutions whose kernel is their stride.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Shape, Tensor};

use super::work::{fill, tensor, values};

/// See [`unfold_blocks`](crate::nn::kernel::unfold_blocks).
pub(in crate::nn::kernel) fn unfold(x: Tensor<5>, kernel: [usize; 3]) -> Tensor<5> {
    let [kd, kh, kw] = kernel;
    Tensor::from_dispatch(<Dispatch as Unfold>::unfold(x.into_dispatch(), kd, kh, kw))
}

#[backend_extension(Flex, Autodiff)]
trait Unfold: Backend {
    fn unfold(x: FloatTensor<Self>, kd: usize, kh: usize, kw: usize) -> FloatTensor<Self>;
}

impl Unfold for Flex {
    fn unfold(x: FloatTensor<Self>, kd: usize, kh: usize, kw: usize) -> FloatTensor<Self> {
        let blocks = Blocks::of(&x.shape(), [kd, kh, kw]);
        blocks.unfold(x)
    }
}

impl<C: CheckpointStrategy> Unfold for Autodiff<Flex, C> {
    fn unfold(x: FloatTensor<Self>, kd: usize, kh: usize, kw: usize) -> FloatTensor<Self> {
        let blocks = Blocks::of(&x.shape(), [kd, kh, kw]);
        let node = Node.prepare::<C>([x.node()]).compute_bound();
        let y = blocks.unfold(x.into_primitive());
        match node.stateful() {
            OpsKind::Tracked(prep) => prep.finish(blocks, y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}

#[derive(Debug)]
struct Node;

impl Backward<Flex, 1> for Node {
    type State = Blocks;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let dy = gradients.consume::<Flex>(&ops.node);
        let [x_node] = ops.parents;
        if let Some(node) = x_node {
            gradients.register::<Flex>(node.id, ops.state.fold(dy));
        }
    }
}

/// Sizes of the two forms: `[outer, kd, kh, kw, d, h, w]` and `[outer, d, kd, h, kh, w, kw]`, where `outer` counts
/// samples and channels.
#[derive(Clone, Copy, Debug)]
struct Blocks {
    batch: usize,
    channels: usize,
    kernel: [usize; 3],
    size: [usize; 3],
}

impl Blocks {
    /// Of `[batch, channel · kd · kh · kw, d, h, w]`.
    fn of(shape: &Shape, kernel: [usize; 3]) -> Self {
        Self {
            batch: shape[0],
            channels: shape[1] / kernel.iter().product::<usize>(),
            kernel,
            size: [shape[2], shape[3], shape[4]],
        }
    }

    fn unfold(self, x: FlexTensor) -> FlexTensor {
        let x = x.to_contiguous();
        let x = values(&x);
        let ([kd, kh, kw], [d, h, w]) = (self.kernel, self.size);
        let row = w * kw;
        // A plane of the result at a time: `[h · kh, w · kw]`.
        let (y, _) = fill(x.len(), h * kh * row, |index, target| {
            let (outer, z) = (index / (d * kd), index % (d * kd));
            let mut line = vec![0.0; row];
            for y in 0..h * kh {
                for i in 0..kw {
                    let tap = ((outer * kd + z % kd) * kh + y % kh) * kw + i;
                    let from = ((tap * d + z / kd) * h + y / kh) * w;
                    let places = line.iter_mut().skip(i).step_by(kw);
                    places.zip(&x[from..from + w]).for_each(|(to, &x)| *to = x);
                }
                target.put(&line);
            }
        });
        let shape = [self.batch, self.channels, d * kd, h * kh, w * kw];
        tensor(y, Shape::from(shape))
    }

    fn fold(self, dy: FlexTensor) -> FlexTensor {
        let dy = dy.to_contiguous();
        let dy = values(&dy);
        let ([kd, kh, kw], [d, h, w]) = (self.kernel, self.size);
        // A volume of the result at a time: `[d, h, w]`.
        let (dx, _) = fill(dy.len(), d * h * w, |index, target| {
            let (outer, tap) = (index / (kd * kh * kw), index % (kd * kh * kw));
            let [z_tap, y_tap, x_tap] = [tap / (kh * kw), tap / kw % kh, tap % kw];
            let mut line = vec![0.0; w];
            for z in 0..d {
                for y in 0..h {
                    let plane = (outer * d + z) * kd + z_tap;
                    let from = ((plane * h + y) * kh + y_tap) * w * kw;
                    let source = dy[from..from + w * kw].iter().skip(x_tap).step_by(kw);
                    line.iter_mut().zip(source).for_each(|(to, &x)| *to = x);
                    target.put(&line);
                }
            }
        });
        let taps = kd * kh * kw;
        tensor(dx, Shape::from([self.batch, self.channels * taps, d, h, w]))
    }
}
