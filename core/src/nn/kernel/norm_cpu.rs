//! Instance norm with leaky ReLU on a CPU: two passes forward, two backward, sums in f64.

use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;

use super::EPSILON;
use super::cpu::{map_chunks, values};

/// Normalises every run of `voxels` values of `x`, then scales what is below zero by `slope`.
/// Gives the result and the reciprocal standard deviation of every run.
pub(super) fn forward(x: FlexTensor, voxels: usize, slope: f32) -> (FlexTensor, FlexTensor) {
    let x = x.to_contiguous();
    let shape = x.layout().shape().clone();
    let x = values(&x);
    let mut y = vec![0.0f32; x.len()];
    let scales = map_chunks(&mut y, voxels, |channel, y| {
        let x = &x[channel * voxels..][..voxels];
        let (sum, squares) = x.iter().fold((0.0f64, 0.0f64), |(sum, squares), &v| {
            let v = f64::from(v);
            (sum + v, squares + v * v)
        });
        let mean = sum / voxels as f64;
        let variance = (squares / voxels as f64 - mean * mean).max(0.0);
        let scale = (variance + EPSILON).sqrt().recip();
        for (y, &x) in y.iter_mut().zip(x) {
            let normal = ((f64::from(x) - mean) * scale) as f32;
            *y = if normal > 0.0 { normal } else { normal * slope };
        }
        scale as f32
    });
    let channels = scales.len();
    (
        FlexTensor::from_data(TensorData::new(y, shape)),
        FlexTensor::from_data(TensorData::new(scales, [channels])),
    )
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
    let mut dx = vec![0.0f32; y.len()];
    map_chunks(&mut dx, voxels, |channel, dx| {
        let (y, dy) = (
            &y[channel * voxels..][..voxels],
            &dy[channel * voxels..][..voxels],
        );
        let before = |y: f32, dy: f32| {
            if y > 0.0 {
                (y, dy)
            } else {
                (y / slope, dy * slope)
            }
        };
        let (mut sum, mut product) = (0.0f64, 0.0f64);
        for (&y, &dy) in y.iter().zip(dy) {
            let (normal, gradient) = before(y, dy);
            sum += f64::from(gradient);
            product += f64::from(gradient) * f64::from(normal);
        }
        let (mean, slant) = (
            (sum / voxels as f64) as f32,
            (product / voxels as f64) as f32,
        );
        for ((dx, &y), &dy) in dx.iter_mut().zip(y).zip(dy) {
            let (normal, gradient) = before(y, dy);
            *dx = scales[channel] * (gradient - mean - normal * slant);
        }
    });
    FlexTensor::from_data(TensorData::new(dx, shape))
}
