//! Instance norm and leaky ReLU as an operation of burn's graph; see `moments`.

use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;

use super::moments::{backward, forward};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::InstanceNorm;

impl Operation<Flex, 1, 0> for InstanceNorm {
    /// Result and reciprocal standard deviations. The next operation keeps the result too, so keeping it here costs
    /// nothing.
    type Kept = (FlexTensor, FlexTensor);

    fn forward(&self, [x]: [FlexTensor; 1]) -> (FlexTensor, Self::Kept) {
        let voxels = voxels(&x);
        let (y, scales) = forward(x, voxels, self.slope);
        (y.clone(), (y, scales))
    }

    fn needed<T>(_inputs: [T; 1]) -> [T; 0] {
        []
    }

    fn backward(
        self,
        []: [FlexTensor; 0],
        (y, scales): Self::Kept,
        dy: FlexTensor,
        _wanted: [bool; 1],
    ) -> [Option<FlexTensor>; 1] {
        let voxels = voxels(&y);
        [Some(backward(y, scales, dy, voxels, self.slope))]
    }
}

/// Voxels of one channel of `[batch, channel, d, h, w]`.
fn voxels(x: &FlexTensor) -> usize {
    let shape = x.shape();
    shape[2] * shape[3] * shape[4]
}
