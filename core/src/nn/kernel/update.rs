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

/// See [`averages`](super::averages).
pub(super) fn averages(pairs: Vec<[Tensor<1>; 2]>, share: f64) -> Vec<Tensor<1>> {
    let mut averages = Vec::with_capacity(pairs.len());
    let mut pairs = pairs.into_iter().map(|pair| pair.map(Tensor::into_dispatch));
    loop {
        match [(); 3].map(|()| pairs.next()) {
            [Some([a, x]), Some([b, y]), Some([c, z])] => {
                let (a, b, c) = <Dispatch as Update>::average_three(a, b, c, x, y, z, share);
                averages.extend([a, b, c]);
            }
            rest => {
                let average = |[kept, new]: [_; 2]| <Dispatch as Update>::average(kept, new, share);
                averages.extend(rest.into_iter().flatten().map(average));
                return averages.into_iter().map(Tensor::from_dispatch).collect();
            }
        }
    }
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

    fn average_three(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        z: FloatTensor<Self>,
        share: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
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

            fn average_three(
                a: FloatTensor<Self>,
                b: FloatTensor<Self>,
                c: FloatTensor<Self>,
                x: FloatTensor<Self>,
                y: FloatTensor<Self>,
                z: FloatTensor<Self>,
                share: f64,
            ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
                $module::average_three([a, b, c], [x, y, z], share)
            }
        }
    };
}

updates!(Flex in cpu);
#[cfg(feature = "gpu")]
updates!(Cube in gpu);
