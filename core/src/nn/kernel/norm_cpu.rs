//! Instance norm with leaky ReLU on a CPU: two passes forward, two backward. Sums are taken in f32 over a block
//! that the fastest cache holds, and in f64 over blocks.

use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;
use pulp::{Arch, Simd, WithSimd};

use super::EPSILON;
use super::cpu::{Writer, fill, values};

/// Values of a block.
const BLOCK: usize = 2048;

/// Values that are added up side by side; whole vectors of every processor.
const LANES: usize = 64;

/// Normalises every run of `voxels` values of `x`, then scales what is below zero by `slope`.
/// Gives the result and the reciprocal standard deviation of every run.
pub(super) fn forward(x: FlexTensor, voxels: usize, slope: f32) -> (FlexTensor, FlexTensor) {
    let x = x.to_contiguous();
    let shape = x.layout().shape().clone();
    let x = values(&x);
    let (y, scales) = fill(x.len(), voxels, |channel, y| {
        let x = &x[channel * voxels..][..voxels];
        Arch::new().dispatch(Forward { x, slope, y })
    });
    let channels = scales.len();
    (
        FlexTensor::from_data(TensorData::new(y, shape)),
        FlexTensor::from_data(TensorData::new(scales, [channels])),
    )
}

/// One run.
struct Forward<'a, 'b> {
    x: &'a [f32],
    slope: f32,
    y: &'a mut Writer<'b>,
}

impl WithSimd for Forward<'_, '_> {
    /// The reciprocal standard deviation.
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f32 {
        let Self { x, slope, y } = self;
        let (mean, variance) = moments(x);
        let scale = (variance + EPSILON).sqrt().recip() as f32;
        let mean = mean as f32;
        y.put_each(x, |x| {
            let normal = (x - mean) * scale;
            if normal > 0.0 { normal } else { normal * slope }
        });
        scale
    }
}

/// Mean and variance, by the means of blocks and the squares around them (Chan, Golub and LeVeque): nothing is
/// lost where the mean is far from zero.
#[inline(always)]
fn moments(x: &[f32]) -> (f64, f64) {
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for block in x.chunks(BLOCK) {
        let length = block.len() as f64;
        let centre = sum(block, |value| value) / length;
        let near = centre as f32;
        let around = sum(block, |value| (value - near) * (value - near));
        let distance = centre - mean;
        let together = count + length;
        mean += distance * length / together;
        squares += around + distance * distance * count * length / together;
        count = together;
    }
    (mean, squares / count)
}

/// The sum of what `value` makes of a block's values.
#[inline(always)]
fn sum(block: &[f32], value: impl Fn(f32) -> f32) -> f64 {
    let (chunks, rest) = block.as_chunks::<LANES>();
    let mut sums = [0.0f32; LANES];
    for chunk in chunks {
        for (sum, &x) in sums.iter_mut().zip(chunk) {
            *sum += value(x);
        }
    }
    let rest = rest.iter().map(|&x| f64::from(value(x)));
    sums.into_iter().map(f64::from).chain(rest).sum()
}

/// The gradient of `x`, from the result, the reciprocal standard deviations and the gradient of the
/// result. `slope` is not zero, so the normalised value can be had back from the result.
pub(super) fn backward(
    y: FlexTensor,
    scales: FlexTensor,
    dy: FlexTensor,
    voxels: usize,
    slope: f32,
) -> FlexTensor {
    let (y, dy) = (y.to_contiguous(), dy.to_contiguous());
    let shape = y.layout().shape().clone();
    let (y, dy, scales) = (values(&y), values(&dy), values(&scales));
    let (dx, _) = fill(y.len(), voxels, |channel, dx| {
        let run = channel * voxels..(channel + 1) * voxels;
        Arch::new().dispatch(Backward {
            y: &y[run.clone()],
            dy: &dy[run],
            scale: scales[channel],
            slope,
            dx,
        });
    });
    FlexTensor::from_data(TensorData::new(dx, shape))
}

/// One run.
struct Backward<'a, 'b> {
    y: &'a [f32],
    dy: &'a [f32],
    scale: f32,
    slope: f32,
    dx: &'a mut Writer<'b>,
}

impl WithSimd for Backward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self {
            y,
            dy,
            scale,
            slope,
            dx,
        } = self;
        let steepness = slope.recip();
        // The normalised value and its gradient.
        let before = |y: f32, dy: f32| {
            if y > 0.0 {
                (y, dy)
            } else {
                (y * steepness, dy * slope)
            }
        };
        let (mut gradient, mut product) = (0.0, 0.0);
        for (y, dy) in y.chunks(BLOCK).zip(dy.chunks(BLOCK)) {
            let sums = sums(y, dy, before);
            gradient += sums.0;
            product += sums.1;
        }
        let voxels = y.len() as f64;
        let (mean, slant) = ((gradient / voxels) as f32, (product / voxels) as f32);
        dx.put_pairs(y, dy, |y, dy| {
            let (normal, gradient) = before(y, dy);
            scale * (gradient - mean - normal * slant)
        });
    }
}

/// Over a block, the sums of the gradients and of their products with the values.
#[inline(always)]
fn sums(y: &[f32], dy: &[f32], before: impl Fn(f32, f32) -> (f32, f32)) -> (f64, f64) {
    let ((ys, y_rest), (dys, dy_rest)) = (y.as_chunks::<LANES>(), dy.as_chunks::<LANES>());
    let (mut gradients, mut products) = ([0.0f32; LANES], [0.0f32; LANES]);
    for (y, dy) in ys.iter().zip(dys) {
        for lane in 0..LANES {
            let (normal, gradient) = before(y[lane], dy[lane]);
            gradients[lane] += gradient;
            products[lane] += gradient * normal;
        }
    }
    let rest = y_rest.iter().zip(dy_rest).map(|(&y, &dy)| before(y, dy));
    let rest = rest.fold((0.0, 0.0), |(sum, product), (normal, gradient)| {
        let (normal, gradient) = (f64::from(normal), f64::from(gradient));
        (sum + gradient, product + gradient * normal)
    });
    let total = |lanes: [f32; LANES]| lanes.into_iter().map(f64::from).sum::<f64>();
    (rest.0 + total(gradients), rest.1 + total(products))
}
