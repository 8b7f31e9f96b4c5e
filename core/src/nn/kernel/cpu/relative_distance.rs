//! The squared distance of two tensors, relative to the second's squared norm.

use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::tensor::Shape;

use super::work::{CHUNK, for_each_share, map_pairs, tensor, values};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::RelativeDistance;

/// ‖a − b‖² and ‖b‖². Chunks are added up in their order, whatever thread they come from.
fn sums(a: &[f32], b: &[f32]) -> [f64; 2] {
    let chunks = for_each_share(a.len().div_ceil(CHUNK), |share| {
        let range = share.start * CHUNK..(share.end * CHUNK).min(a.len());
        let pairs = a[range.clone()].chunks(CHUNK).zip(b[range].chunks(CHUNK));
        let sums = pairs.map(|(a, b)| {
            a.iter().zip(b).fold([0.0; 2], |[distance, norm], (&a, &b)| {
                let (difference, b) = (f64::from(a - b), f64::from(b));
                [distance + difference * difference, norm + b * b]
            })
        });
        sums.collect::<Vec<_>>()
    });
    let add = |[distance, norm]: [f64; 2], [d, n]: [f64; 2]| [distance + d, norm + n];
    chunks.into_iter().flatten().fold([0.0; 2], add)
}

impl Operation<Flex, 2, 2> for RelativeDistance {
    /// The squared norm of the second, with ε.
    type Kept = f64;

    fn forward(&self, [a, b]: [FlexTensor; 2]) -> (FlexTensor, f64) {
        let axes = a.shape().num_dims();
        let (a, b) = (a.to_contiguous(), b.to_contiguous());
        let [distance, norm] = sums(values(&a), values(&b));
        let norm = norm + self.epsilon;
        let value = (distance / norm) as f32;
        (tensor(vec![value], Shape::from(vec![1; axes])), norm)
    }

    fn needed<T>(inputs: [T; 2]) -> [T; 2] {
        inputs
    }

    fn backward(
        self,
        [a, b]: [FlexTensor; 2],
        norm: f64,
        dy: FlexTensor,
        _wanted: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let slope = (2.0 * f64::from(values(&dy)[0]) / norm) as f32;
        let da = map_pairs(
            &a,
            &b,
            #[inline(always)]
            move |a, b| (a - b) * slope,
        );
        [Some(da), None]
    }
}
