//! Group norm with gain and bias, and the ReLU after it: two passes forward, two backward, sums in f64.

use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;

use super::moments::{Moments, sums};
use super::work::{fill, tensor, values, vectorized};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::GroupNormRelu;

impl Operation<Flex, 3, 3> for GroupNormRelu {
    /// The moments of every sample's groups.
    type Kept = Vec<Moments>;

    fn forward(&self, [x, gain, bias]: [FlexTensor; 3]) -> (FlexTensor, Vec<Moments>) {
        forward(x, gain, bias, self.groups)
    }

    fn needed<T>(inputs: [T; 3]) -> [T; 3] {
        inputs
    }

    fn backward(
        self,
        [x, gain, bias]: [FlexTensor; 3],
        moments: Vec<Moments>,
        dy: FlexTensor,
        _wanted: [bool; 3],
    ) -> [Option<FlexTensor>; 3] {
        backward(x, gain, bias, dy, &moments).map(Some)
    }
}

/// The result, and the moments of every sample's groups.
fn forward(x: FlexTensor, gain: FlexTensor, bias: FlexTensor, groups: usize) -> (FlexTensor, Vec<Moments>) {
    let shape = x.shape();
    let [x, gain, bias] = [x, gain, bias].map(|tensor| tensor.to_contiguous());
    let (x, gain, bias) = (values(&x), values(&gain), values(&bias));
    let voxels = x.len() / shape[0] / gain.len();
    let channels = gain.len() / groups;
    let size = channels * voxels;
    let (y, moments) = fill(x.len(), size, |index, y| {
        let x = &x[index * size..][..size];
        let first = index % groups * channels;
        vectorized(
            #[inline(always)]
            move || {
                let moments = Moments::of(x);
                for (channel, x) in x.chunks_exact(voxels).enumerate() {
                    let (gain, bias) = (gain[first + channel], bias[first + channel]);
                    y.put_each(x, |x| (moments.normal(x) * gain + bias).max(0.0));
                }
                moments
            },
        )
    });
    (tensor(y, shape), moments)
}

/// The gradients of the input, of gain and of bias.
fn backward(x: FlexTensor, gain: FlexTensor, bias: FlexTensor, dy: FlexTensor, moments: &[Moments]) -> [FlexTensor; 3] {
    let (shape, of_channels) = (x.shape(), gain.shape());
    let [x, gain, bias, dy] = [x, gain, bias, dy].map(|tensor| tensor.to_contiguous());
    let (x, gain, bias, dy) = (values(&x), values(&gain), values(&bias), values(&dy));
    let (voxels, groups) = (x.len() / shape[0] / gain.len(), moments.len() / shape[0]);
    let channels = gain.len() / groups;
    let size = channels * voxels;
    let (dx, parts) = fill(x.len(), size, |index, dx| {
        let range = index * size..(index + 1) * size;
        let (x, dy, moments) = (&x[range.clone()], &dy[range], moments[index]);
        let first = index % groups * channels;
        let (gain, bias) = (&gain[first..][..channels], &bias[first..][..channels]);
        vectorized(
            #[inline(always)]
            move || {
                let pairs = || x.chunks_exact(voxels).zip(dy.chunks_exact(voxels));
                let lines = || pairs().zip(gain.iter().zip(bias));
                let found: Vec<[f64; 2]> = lines()
                    .map(|((x, dy), (&gain, &bias))| {
                        sums(
                            x,
                            dy,
                            #[inline(always)]
                            |x, dy| {
                                let (normal, dy) = before(moments, x, dy, gain, bias);
                                [f64::from(dy), f64::from(dy) * f64::from(normal)]
                            },
                        )
                    })
                    .collect();
                let mean = |which: usize| {
                    let terms = found.iter().zip(gain);
                    let sum: f64 = terms.map(|(found, &gain)| f64::from(gain) * found[which]).sum();
                    (sum / size as f64) as f32
                };
                let (mean, slant, scale) = (mean(0), mean(1), moments.scale as f32);
                for ((x, dy), (&gain, &bias)) in lines() {
                    dx.put_pairs(x, dy, |x, dy| {
                        let (normal, dy) = before(moments, x, dy, gain, bias);
                        scale * (dy * gain - mean - normal * slant)
                    });
                }
                found
            },
        )
    });
    let total = |which: usize| {
        let totals = channel_totals(&parts, [groups, channels], which);
        tensor(totals, of_channels.clone())
    };
    [tensor(dx, shape), total(1), total(0)]
}

/// One of each channel's two sums, over all samples, from those of every sample's groups.
fn channel_totals(parts: &[Vec<[f64; 2]>], [groups, channels]: [usize; 2], which: usize) -> Vec<f32> {
    let total = |channel: usize| {
        let of_samples = parts.iter().skip(channel / channels).step_by(groups);
        let sum: f64 = of_samples.map(|part| part[channel % channels][which]).sum();
        sum as f32
    };
    (0..groups * channels).map(total).collect()
}

/// A normalized value, and the gradient of its scaled and shifted value.
#[inline(always)]
fn before(moments: Moments, x: f32, dy: f32, gain: f32, bias: f32) -> (f32, f32) {
    let normal = moments.normal(x);
    (normal, if normal * gain + bias > 0.0 { dy } else { 0.0 })
}
