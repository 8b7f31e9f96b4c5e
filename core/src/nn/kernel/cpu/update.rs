//! Parameter updates of a training step, in one pass each: AdamW and the moving average (EMA).

// Two tensors are changed in place while a third is created, all in chunks by several threads.
#![allow(unsafe_code)]

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;

use super::work::{CHUNK, Shared, fill, map_pairs, tensor, values, vectorized};
use crate::nn::kernel::numbers::AdamW;

/// See [`adamw`](crate::nn::kernel::adamw).
pub(in crate::nn::kernel) fn adamw<const D: usize>(
    value: Tensor<D>,
    gradient: Tensor<D>,
    [mean, square]: [Tensor<D>; 2],
    numbers: AdamW,
) -> (Tensor<D>, [Tensor<D>; 2]) {
    let (value, mean, square) = <Dispatch as Update>::adamw(
        value.into_dispatch(),
        gradient.into_dispatch(),
        mean.into_dispatch(),
        square.into_dispatch(),
        numbers,
    );
    let moments = [mean, square].map(Tensor::from_dispatch);
    (Tensor::from_dispatch(value), moments)
}

/// See [`average`](crate::nn::kernel::average).
pub(in crate::nn::kernel) fn average<const D: usize>(kept: Tensor<D>, new: Tensor<D>, share: f64) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Update>::average(
        kept.into_dispatch(),
        new.into_dispatch(),
        share,
    ))
}

#[backend_extension(Flex)]
trait Update: Backend {
    fn adamw(
        value: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        square: FloatTensor<Self>,
        numbers: AdamW,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    fn average(kept: FloatTensor<Self>, new: FloatTensor<Self>, share: f64) -> FloatTensor<Self>;
}

impl Update for Flex {
    fn adamw(
        value: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        square: FloatTensor<Self>,
        numbers: AdamW,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let shape = value.layout().shape().clone();
        let (value, gradient) = (value.to_contiguous(), gradient.to_contiguous());
        let (value, gradient) = (values(&value), values(&gradient));
        let mut moments = [mean, square].map(|moment| moment.to_contiguous());
        let places = moments.each_mut().map(|moment| {
            let start = moment.layout().start_offset();
            Shared(moment.storage_mut::<f32>()[start..].as_mut_ptr())
        });
        let (value, _) = fill(value.len(), CHUNK, |index, target| {
            let run = index * CHUNK..index * CHUNK + target.len();
            // SAFETY: moments have as many values as their parameter, and chunks do not overlap.
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
        let [mean, square] = moments;
        (tensor(value, shape), mean, square)
    }

    fn average(kept: FloatTensor<Self>, new: FloatTensor<Self>, share: f64) -> FloatTensor<Self> {
        let (share, rest) = (share as f32, (1.0 - share) as f32);
        map_pairs(
            &kept,
            &new,
            #[inline(always)]
            move |kept, new| kept * share + new * rest,
        )
    }
}
