//! Parameter updates of a training step, in one pass each: AdamW and the moving average (EMA).

// Two tensors are changed in place while a third is created, all in chunks by several threads.
#![allow(unsafe_code)]

use burn::backend::flex::FlexTensor;

use super::work::{CHUNK, Shared, fill, map_pairs, tensor, values, vectorized};
use crate::nn::kernel::numbers::AdamW;

/// One parameter of [`adamw`](crate::nn::kernel::adamw).
pub(in crate::nn::kernel) fn adamw(
    [value, gradient, moments]: [FlexTensor; 3],
    numbers: AdamW,
) -> (FlexTensor, FlexTensor) {
    let shape = value.layout().shape().clone();
    let (value, gradient) = (value.to_contiguous(), gradient.to_contiguous());
    let (value, gradient) = (values(&value), values(&gradient));
    // The one that was given is dropped: what nobody else holds is changed in place.
    let [mut moments] = [moments].map(|moments| moments.to_contiguous());
    let start = moments.layout().start_offset();
    let (means, squares) = moments.storage_mut::<f32>()[start..].split_at_mut(value.len());
    assert_eq!(means.len(), squares.len(), "two moments of every value");
    let places = [means, squares].map(|moment| Shared(moment.as_mut_ptr()));
    let (value, _) = fill(value.len(), CHUNK, |index, target| {
        let run = index * CHUNK..index * CHUNK + target.len();
        // SAFETY: each moment has as many values as the parameter, and chunks do not overlap.
        let [mean, square] =
            places.map(|place| unsafe { std::slice::from_raw_parts_mut(place.at(run.start), run.len()) });
        let (value, gradient) = (&value[run.clone()], &gradient[run]);
        vectorized(
            #[inline(always)]
            move || {
                let ([first, second], added) = (numbers.kept, numbers.added);
                for ((mean, square), &gradient) in mean.iter_mut().zip(&mut *square).zip(gradient) {
                    *mean = *mean * first + gradient * added[0];
                    *square = *square * second + gradient * gradient * added[1];
                }
                let [mean_correction, square_correction] = numbers.corrections;
                target.put_triples(value, mean, square, |value, mean, square| {
                    let scale = (square / square_correction).sqrt() + numbers.epsilon;
                    let direction = mean / mean_correction / scale + value * numbers.decay;
                    value - direction * numbers.rate
                });
            },
        );
    });
    (tensor(value, shape), moments)
}

/// Two parameters.
pub(in crate::nn::kernel) fn adamw_two(
    first: [FlexTensor; 3],
    second: [FlexTensor; 3],
    numbers: AdamW,
) -> (FlexTensor, FlexTensor, FlexTensor, FlexTensor) {
    let [(v, m), (w, n)] = [first, second].map(|parameter| adamw(parameter, numbers));
    (v, m, w, n)
}

/// The average of one pair, see [`averages`](crate::nn::kernel::averages).
pub(in crate::nn::kernel) fn average(kept: FlexTensor, new: FlexTensor, share: f64) -> FlexTensor {
    let (share, rest) = (share as f32, (1.0 - share) as f32);
    map_pairs(
        &kept,
        &new,
        #[inline(always)]
        move |kept, new| kept * share + new * rest,
    )
}

/// The averages of three pairs.
pub(in crate::nn::kernel) fn average_three(
    [a, b, c]: [FlexTensor; 3],
    [x, y, z]: [FlexTensor; 3],
    share: f64,
) -> (FlexTensor, FlexTensor, FlexTensor) {
    (average(a, x, share), average(b, y, share), average(c, z, share))
}
