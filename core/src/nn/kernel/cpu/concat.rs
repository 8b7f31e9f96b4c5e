//! The channels of two volumes, one after the other.

use std::ops::Range;

use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;

use super::work::{fill, tensor, values};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::ConcatChannels;

impl Operation<Flex, 2, 0> for ConcatChannels {
    /// Channels of the first.
    type Kept = usize;

    fn forward(&self, [a, b]: [FlexTensor; 2]) -> (FlexTensor, usize) {
        let mut shape = a.shape();
        let channels = [shape[1], b.shape()[1]];
        let voxels: usize = shape[2..].iter().product();
        shape[1] += channels[1];
        let (a, b) = (a.to_contiguous(), b.to_contiguous());
        let (a, b) = (values(&a), values(&b));
        let (y, _) = fill(a.len() + b.len(), voxels, |index, y| {
            let (sample, channel) = (index / shape[1], index % shape[1]);
            let (source, index) = match channel.checked_sub(channels[0]) {
                None => (a, sample * channels[0] + channel),
                Some(channel) => (b, sample * channels[1] + channel),
            };
            y.put(&source[index * voxels..][..voxels]);
        });
        (tensor(y, shape), channels[0])
    }

    fn needed<T>(_inputs: [T; 2]) -> [T; 0] {
        []
    }

    fn backward(
        self,
        []: [FlexTensor; 0],
        first: usize,
        dy: FlexTensor,
        [of_a, of_b]: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let dy = dy.to_contiguous();
        let all = dy.shape()[1];
        [
            of_a.then(|| narrow(&dy, 0..first)),
            of_b.then(|| narrow(&dy, first..all)),
        ]
    }
}

/// A range of channels of a volume.
fn narrow(x: &FlexTensor, channels: Range<usize>) -> FlexTensor {
    let mut shape = x.shape();
    let (all, count) = (shape[1], channels.len());
    shape[1] = count;
    let voxels: usize = shape[2..].iter().product();
    let x = values(x);
    let (y, _) = fill(shape.num_elements(), voxels, |index, y| {
        let source = index / count * all + channels.start + index % count;
        y.put(&x[source * voxels..][..voxels]);
    });
    tensor(y, shape)
}
