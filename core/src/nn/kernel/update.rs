//! Parameter updates of a training step, which are part of no graph: AdamW and the moving average (EMA).

#[cfg(feature = "gpu")]
use burn::backend::Cube;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;

use super::cpu;
#[cfg(feature = "gpu")]
use super::gpu;
use super::numbers::AdamW;

/// See [`adamw`](super::adamw).
pub(super) fn adamw<const D: usize>(
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

/// See [`average`](super::average).
pub(super) fn average<const D: usize>(kept: Tensor<D>, new: Tensor<D>, share: f64) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Update>::average(
        kept.into_dispatch(),
        new.into_dispatch(),
        share,
    ))
}

#[backend_extension(Flex, Cube: cfg(feature = "gpu"))]
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

/// The updates of a backend are the functions of this name in its module.
macro_rules! updates {
    ($backend:ident in $module:ident) => {
        impl Update for $backend {
            fn adamw(
                value: FloatTensor<Self>,
                gradient: FloatTensor<Self>,
                mean: FloatTensor<Self>,
                square: FloatTensor<Self>,
                numbers: AdamW,
            ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
                $module::adamw(value, gradient, [mean, square], numbers)
            }

            fn average(kept: FloatTensor<Self>, new: FloatTensor<Self>, share: f64) -> FloatTensor<Self> {
                $module::average(kept, new, share)
            }
        }
    };
}

updates!(Flex in cpu);
#[cfg(feature = "gpu")]
updates!(Cube in gpu);
