//! Means and deviations in f64, and instance norm with leaky ReLU on a CPU: two passes forward, two backward.

use burn::backend::flex::FlexTensor;
use burn::tensor::Shape;

use super::work::{fill, tensor, values, vectorized};
use crate::nn::kernel::numbers::EPSILON;

/// Parallel partial sums: a multiple of every processor's vector width.
const LANES: usize = 32;

/// Mean and reciprocal standard deviation of a run of values.
#[derive(Clone, Copy, Debug)]
pub(in crate::nn::kernel) struct Moments {
    mean: f64,
    pub(super) scale: f64,
}

impl Moments {
    #[inline(always)]
    pub(super) fn of(x: &[f32]) -> Self {
        let [sum, squares] = sums(
            x,
            x,
            #[inline(always)]
            |x, _| [f64::from(x), f64::from(x) * f64::from(x)],
        );
        let mean = sum / x.len() as f64;
        let variance = (squares / x.len() as f64 - mean * mean).max(0.0);
        Self {
            mean,
            scale: (variance + EPSILON).sqrt().recip(),
        }
    }

    /// A value of the run, normalized.
    #[inline(always)]
    pub(super) fn normal(self, x: f32) -> f32 {
        ((f64::from(x) - self.mean) * self.scale) as f32
    }
}

/// Normalizes every run of `voxels` values of `x`, then scales negative values by `slope`. Returns the result and the
/// reciprocal standard deviation of every run.
pub(super) fn forward(x: FlexTensor, voxels: usize, slope: f32) -> (FlexTensor, FlexTensor) {
    let x = x.to_contiguous();
    let shape = x.layout().shape().clone();
    let x = values(&x);
    let (y, scales) = fill(x.len(), voxels, |channel, y| {
        let x = &x[channel * voxels..][..voxels];
        vectorized(
            #[inline(always)]
            || {
                let moments = Moments::of(x);
                y.put_each(x, |x| {
                    let normal = moments.normal(x);
                    if normal > 0.0 { normal } else { normal * slope }
                });
                moments.scale as f32
            },
        )
    });
    let channels = scales.len();
    (tensor(y, shape), tensor(scales, Shape::from([channels])))
}

/// The gradient of `x`, from the result, the reciprocal standard deviations and the gradient of the result. `slope` is
/// not zero, so the normalized value can be recovered from the result.
pub(super) fn backward(y: FlexTensor, scales: FlexTensor, dy: FlexTensor, voxels: usize, slope: f32) -> FlexTensor {
    let (y, dy) = (y.to_contiguous(), dy.to_contiguous());
    let shape = y.layout().shape().clone();
    let (y, dy, scales) = (values(&y), values(&dy), values(&scales));
    let (dx, _) = fill(y.len(), voxels, |channel, dx| {
        let run = channel * voxels..(channel + 1) * voxels;
        let (y, dy, scale) = (&y[run.clone()], &dy[run], scales[channel]);
        vectorized(
            #[inline(always)]
            || {
                let [sum, product] = sums(
                    y,
                    dy,
                    #[inline(always)]
                    |y, dy| {
                        let (normal, gradient) = before(y, dy, slope);
                        [f64::from(gradient), f64::from(gradient) * f64::from(normal)]
                    },
                );
                let mean = (sum / voxels as f64) as f32;
                let slant = (product / voxels as f64) as f32;
                dx.put_pairs(y, dy, |y, dy| {
                    let (normal, gradient) = before(y, dy, slope);
                    scale * (gradient - mean - normal * slant)
                });
            },
        );
    });
    tensor(dx, shape)
}

/// The normalized value and its gradient, from the result and its gradient.
#[inline(always)]
fn before(y: f32, dy: f32, slope: f32) -> (f32, f32) {
    if y > 0.0 {
        (y, dy)
    } else {
        (y * slope.recip(), dy * slope)
    }
}

/// The sums of the two values of `terms` over all pairs.
#[inline(always)]
pub(super) fn sums(a: &[f32], b: &[f32], terms: impl Fn(f32, f32) -> [f64; 2]) -> [f64; 2] {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let (mut first, mut second) = ([0.0; LANES], [0.0; LANES]);
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            let [one, two] = terms(a[lane], b[lane]);
            first[lane] += one;
            second[lane] += two;
        }
    }
    for (lane, (&a, &b)) in a_rest.iter().zip(b_rest).enumerate() {
        let [one, two] = terms(a, b);
        first[lane] += one;
        second[lane] += two;
    }
    [first.iter().sum(), second.iter().sum()]
}
