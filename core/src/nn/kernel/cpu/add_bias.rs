//! A bias for each channel.

use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::Shape;

use super::linear::column_sums;
use super::moments::sums;
use super::work::{fill, sum_shares, tensor, values, vectorized};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::AddBias;

impl Operation<Flex, 2, 0> for AddBias {
    type Kept = ();

    fn forward(&self, [x, bias]: [FlexTensor; 2]) -> (FlexTensor, ()) {
        let (x, bias) = (x.to_contiguous(), bias.to_contiguous());
        let [outer, channels, inner] = dims(&x);
        let (x_values, bias) = (values(&x), values(&bias));
        // A chunk is a channel, or all channels where each has one value.
        let size = if inner == 1 { channels } else { inner };
        let (y, _) = fill(outer * channels * inner, size, |index, y| {
            let x = &x_values[index * size..][..y.len()];
            vectorized(
                #[inline(always)]
                move || match inner {
                    1 => y.put_pairs(x, bias, |x, bias| x + bias),
                    _ => {
                        let bias = bias[index % channels];
                        y.put_each(x, |x| x + bias);
                    }
                },
            );
        });
        (tensor(y, x.shape()), ())
    }

    fn needed<T>(_inputs: [T; 2]) -> [T; 0] {
        []
    }

    fn backward(self, []: [FlexTensor; 0], (): (), dy: FlexTensor, [_, of_bias]: [bool; 2]) -> [Option<FlexTensor>; 2] {
        let of_bias = of_bias.then(|| {
            let dy = dy.to_contiguous();
            let dims @ [_, channels, _] = dims(&dy);
            tensor(channel_sums(values(&dy), dims), Shape::from([channels]))
        });
        [Some(dy), of_bias]
    }
}

/// The sum of each channel's values, in f64, from `[sample, channel, value]`.
fn channel_sums(dy: &[f32], [outer, channels, inner]: [usize; 3]) -> Vec<f32> {
    if inner == 1 {
        return column_sums(dy, [outer, channels]);
    }
    let sums = sum_shares(outer * channels, channels, |share, totals| {
        let rows = dy[share.start * inner..share.end * inner].chunks_exact(inner);
        for (row, index) in rows.zip(share.start..) {
            let [sum, _] = vectorized(
                #[inline(always)]
                move || sums(row, row, |value, _| [f64::from(value), 0.0]),
            );
            totals[index % channels] += sum;
        }
    });
    sums.into_iter().map(|sum| sum as f32).collect()
}

fn dims(tensor: &FlexTensor) -> [usize; 3] {
    let shape = tensor.shape();
    [shape[0], shape[1], shape[2]]
}
