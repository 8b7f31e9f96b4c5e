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
pub(super) fn adamw(parameters: Vec<[Tensor<1>; 3]>, numbers: AdamW) -> Vec<[Tensor<1>; 2]> {
    let mut moved = Vec::with_capacity(parameters.len());
    let mut parameters = parameters
        .into_iter()
        .map(|parameter| parameter.map(Tensor::into_dispatch));
    while let Some([v, g, m]) = parameters.next() {
        match parameters.next() {
            Some([w, h, n]) => {
                let (v, m, w, n) = <Dispatch as Update>::adamw_two(v, g, m, w, h, n, numbers);
                moved.extend([[v, m], [w, n]]);
            }
            None => {
                let (v, m) = <Dispatch as Update>::adamw(v, g, m, numbers);
                moved.push([v, m]);
            }
        }
    }
    moved
        .into_iter()
        .map(|moved| moved.map(Tensor::from_dispatch))
        .collect()
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
        moments: FloatTensor<Self>,
        numbers: AdamW,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Value, gradient and moments of one parameter (`v`, `g`, `m`) and of another (`w`, `h`, `n`).
    fn adamw_two(
        v: FloatTensor<Self>,
        g: FloatTensor<Self>,
        m: FloatTensor<Self>,
        w: FloatTensor<Self>,
        h: FloatTensor<Self>,
        n: FloatTensor<Self>,
        numbers: AdamW,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    );

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
                moments: FloatTensor<Self>,
                numbers: AdamW,
            ) -> (FloatTensor<Self>, FloatTensor<Self>) {
                $module::adamw([value, gradient, moments], numbers)
            }

            fn adamw_two(
                v: FloatTensor<Self>,
                g: FloatTensor<Self>,
                m: FloatTensor<Self>,
                w: FloatTensor<Self>,
                h: FloatTensor<Self>,
                n: FloatTensor<Self>,
                numbers: AdamW,
            ) -> (
                FloatTensor<Self>,
                FloatTensor<Self>,
                FloatTensor<Self>,
                FloatTensor<Self>,
            ) {
                $module::adamw_two([v, g, m], [w, h, n], numbers)
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
