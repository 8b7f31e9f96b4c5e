//! PCRLv2's heads and loss (Zhou et al., arXiv 2301.00772, as `train_3d.py` of the released code): a distorted patch is
//! restored, and views of one place have similar features at every level of the decoder.
//!
//! Where this differs from the released code: both views are of the same place instead of places that overlap by a
//! third; local views are cut from the views instead of the scan, at half their size, from one corner for all places,
//! and are not turned once more; intensities are not blurred, nor normalized again; restored intensities are not
//! squeezed between 0 and 1, since these are not, and at coarse levels not normalized; the network has the norms and
//! skips of its settings, by default group norm and, in small sizes, skips.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::activation::relu;
use burn::tensor::{FloatDType, Tensor};
use rand::Rng;

use super::Task;
use super::distortion::{recolored, swapped};
use crate::backbone::EncoderShape;
use crate::nn::{Conv3d, Init, linear, mean, project, trilinear};

/// Local views of each place.
const LOCAL_VIEWS: usize = 6;

/// Added to variances, as PyTorch's `BatchNorm1d`.
const VARIANCE_EPSILON: f64 = 1e-5;

/// Prevents division by zero, as PyTorch's `CosineSimilarity`.
const NORM_EPSILON: f64 = 1e-8;

/// The layers that PCRLv2 adds to a network.
#[derive(Module, Debug)]
pub struct Pcrlv2Head {
    /// One for each level of the decoder, the coarsest first.
    levels: Vec<LevelHead>,
    /// From the finest map to voxels.
    restore: Conv3d,
}

/// The layers at one level.
#[derive(Module, Debug)]
struct LevelHead {
    norm: OverBatch,
    hidden: Linear,
    hidden_norm: OverBatch,
    predict: Linear,
    /// From the level's map to voxels.
    restore: Conv3d,
}

/// A batch norm that always uses the statistics of the batch: heads are only used in training.
#[derive(Module, Debug)]
struct OverBatch {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
}

/// Features of some views at one level, `[view, channel]`, and those that are predicted from them for another view.
#[derive(Clone)]
struct Compared {
    projected: Tensor<2>,
    predicted: Tensor<2>,
}

impl Pcrlv2Head {
    /// New layers for scans of so many channels; `None` where pretraining leaves the decoder out.
    pub fn new(encoder: EncoderShape, channels: usize, init: &mut Init) -> Option<Self> {
        let widths @ [.., finest] = encoder.decoder?;
        Some(Self {
            levels: widths.map(|width| LevelHead::new(width, channels, init)).into(),
            restore: Conv3d::new(finest, channels, 1, true, init),
        })
    }

    /// The loss of a batch `[batch, channel, d, h, w]`, `[1]`, in which two views of one place follow each other;
    /// `None` where pretraining leaves the decoder out.
    pub fn loss(&self, task: &Task<'_>, x: Tensor<5>, rng: &mut impl Rng) -> Option<Tensor<1>> {
        let places = x.dims()[0] / 2;
        let views = views(x);
        let [one, other] = views.clone().map(|view| swapped(recolored(view, rng), rng));
        let maps = task.model.decoded(one)?;
        let [one, other] = [self.compared(&maps), self.compared(&task.model.decoded(other)?)];
        let local = recolored(local_views(&views, task.encoder.stride, rng), rng);
        let local = self.compared(&task.model.decoded(local)?);

        let level = rng.random_range(0..self.levels.len());
        let mut loss = dissimilarity(&one[level], &other[level]);
        for view in 0..LOCAL_VIEWS {
            for whole in [&one, &other] {
                let level = rng.random_range(0..self.levels.len());
                let part = local[level].rows(view * places, places);
                loss = loss + dissimilarity(&whole[level], &part) / (2 * LOCAL_VIEWS) as f64;
            }
        }
        let [target, _] = views;
        let coarse = self.levels[level].restore.forward(maps[level].clone());
        let coarse = trilinear(coarse, 1 << (self.levels.len() - 1 - level));
        let finest = self.restore.forward(maps.last()?.clone());
        let fading = 0.5 * (1.0 + (std::f64::consts::PI * task.progress).cos());
        Some(loss + squared_error(finest, target.clone()) + squared_error(coarse, target) * fading)
    }

    /// The features of each level's map.
    fn compared(&self, maps: &[Tensor<5>]) -> Vec<Compared> {
        let levels = self.levels.iter().zip(maps);
        levels.map(|(head, map)| head.compared(map.clone())).collect()
    }
}

impl LevelHead {
    fn new(width: usize, channels: usize, init: &mut Init) -> Self {
        Self {
            norm: OverBatch::new(width, init),
            hidden: linear(width, 2 * width, true, init),
            hidden_norm: OverBatch::new(2 * width, init),
            predict: linear(2 * width, width, true, init),
            restore: Conv3d::new(width, channels, 3, true, init),
        }
    }

    fn compared(&self, map: Tensor<5>) -> Compared {
        let [samples, width, d, h, w] = map.dims();
        let pooled = map.reshape([samples, width, d * h * w]).mean_dim(2);
        let pooled = pooled.reshape([samples, width]);
        let projected = self.norm.forward(pooled);
        let hidden = self.hidden_norm.forward(project(&self.hidden, projected.clone()));
        Compared {
            predicted: project(&self.predict, relu(hidden)),
            projected,
        }
    }
}

impl OverBatch {
    fn new(width: usize, init: &mut Init) -> Self {
        Self {
            weight: init.constant([width], 1.0),
            bias: init.constant([width], 0.0),
        }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let dtype = x.dtype();
        let normalized = normalized_over_batch(x) * self.weight.val().unsqueeze() + self.bias.val().unsqueeze();
        normalized.cast(dtype)
    }
}

impl Compared {
    fn rows(&self, first: usize, count: usize) -> Self {
        Self {
            projected: self.projected.clone().narrow(0, first, count),
            predicted: self.predicted.clone().narrow(0, first, count),
        }
    }
}

/// The first and the second views of all places, `[place, channel, d, h, w]`, of which `x` has one after the other.
fn views(x: Tensor<5>) -> [Tensor<5>; 2] {
    let [samples, channels, d, h, w] = x.dims();
    let pairs = x.reshape([samples / 2, 2 * channels, d, h, w]);
    [0, channels].map(|first| pairs.clone().narrow(1, first, channels))
}

/// Parts of the views, half as large along each axis but at least one of the encoder's deepest features, `[view ·
/// place, channel, d, h, w]`.
fn local_views(views: &[Tensor<5>; 2], stride: usize, rng: &mut impl Rng) -> Tensor<5> {
    let [_, _, patch @ ..] = views[0].dims();
    let side = patch.map(|length| (length / 2 / stride * stride).max(stride));
    let mut cut = |view: usize| {
        let corner = [0, 1, 2].map(|axis| rng.random_range(0..=patch[axis] - side[axis]));
        (0..3).fold(views[view % 2].clone(), |x, axis| {
            x.narrow(axis + 2, corner[axis], side[axis])
        })
    };
    Tensor::cat((0..LOCAL_VIEWS).map(&mut cut).collect(), 0)
}

/// `[view, channel]` with mean 0 and deviation 1 in each channel, in f32, as PyTorch's `BatchNorm1d` in training.
pub fn normalized_over_batch(x: Tensor<2>) -> Tensor<2> {
    let x = x.cast(FloatDType::F32);
    let centered = x.clone() - x.mean_dim(0);
    let variance = centered.clone().powi_scalar(2).mean_dim(0);
    centered / (variance + VARIANCE_EPSILON).sqrt()
}

/// How unlike two views are: the mean negative cosine between what is predicted from each and the other, `[1]`. No
/// gradient flows through what is compared with.
fn dissimilarity(one: &Compared, other: &Compared) -> Tensor<1> {
    let similarity = |from: &Compared, to: &Compared| mean(cosine(from.predicted.clone(), to.projected.clone()));
    (similarity(one, other) + similarity(other, one)) * -0.5
}

/// The cosine between a view's prediction and another view, `[view, 1]` in f32, both `[view, channel]`; no gradient
/// flows to `target`.
pub fn cosine(predicted: Tensor<2>, target: Tensor<2>) -> Tensor<2> {
    let [predicted, target] = [predicted, target.detach()].map(|features| features.cast(FloatDType::F32));
    let norm = |x: Tensor<2>| x.powi_scalar(2).sum_dim(1).sqrt().clamp_min(NORM_EPSILON);
    let product = (predicted.clone() * target.clone()).sum_dim(1);
    product / (norm(predicted) * norm(target))
}

fn squared_error(found: Tensor<5>, expected: Tensor<5>) -> Tensor<1> {
    let [found, expected] = [found, expected].map(|voxels| voxels.cast(FloatDType::F32));
    mean((found - expected).powi_scalar(2))
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use futures::executor::block_on;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
        let data = block_on(x.into_data_async()).expect("the device answers");
        data.try_into_vec().expect("f32")
    }

    /// Three places of two channels; a view's intensity is ten times its place, plus a half in the second view.
    fn batch() -> Tensor<5> {
        let rows = [0.0, 0.5, 10.0, 10.5, 20.0, 20.5f32];
        let values: Vec<f32> = rows.into_iter().flat_map(|value| [value; 2 * 16 * 16 * 24]).collect();
        Tensor::from_data(TensorData::new(values, [6, 2, 16, 16, 24]), &Device::flex())
    }

    #[test]
    fn views_of_a_place_follow_each_other() {
        let of_view = |view: Tensor<5>| {
            assert_eq!(view.dims(), [3, 2, 16, 16, 24]);
            values(view)
                .chunks(2 * 16 * 16 * 24)
                .map(|place| place[0])
                .collect::<Vec<_>>()
        };
        let [one, other] = views(batch());
        assert_eq!(of_view(one), [0.0, 10.0, 20.0]);
        assert_eq!(of_view(other), [0.5, 10.5, 20.5]);
    }

    /// What is compared with place k is of place k.
    #[test]
    fn local_views_are_in_the_order_of_places() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let local = local_views(&views(batch()), 8, &mut rng);
        assert_eq!(local.dims(), [LOCAL_VIEWS * 3, 2, 8, 8, 8]);
        let found = values(local);
        for (row, voxels) in found.chunks(2 * 8 * 8 * 8).enumerate() {
            let (view, place) = (row / 3, row % 3);
            let expected = 10.0 * place as f32 + if view % 2 == 0 { 0.0 } else { 0.5 };
            assert!(
                voxels.iter().all(|&voxel| voxel == expected),
                "view {view} of place {place}"
            );
        }
    }

    /// Views that are alike in all that is predicted are −1 apart, whatever their length; what is compared with learns
    /// nothing from it.
    #[test]
    fn views_that_agree_are_alike() {
        let device = Device::flex().autodiff();
        let features = |values: [f32; 6]| Tensor::<2>::from_data(TensorData::new(values.to_vec(), [2, 3]), &device);
        let of = |projected: [f32; 6], predicted: [f32; 6]| Compared {
            projected: features(projected).require_grad(),
            predicted: features(predicted).require_grad(),
        };
        let ahead = [1.0, 2.0, 3.0, -1.0, 0.5, 2.0];
        let one = of(ahead, ahead.map(|value| 4.0 * value));
        let other = of(ahead, ahead.map(|value| 0.1 * value));
        let alike = dissimilarity(&one, &other);
        assert!((values(alike.clone())[0] + 1.0).abs() < 1e-6);
        let opposite = of(ahead.map(|value| -value), ahead.map(|value| -value));
        assert!((values(dissimilarity(&one, &opposite))[0] - 1.0).abs() < 1e-6);
        let gradients = alike.backward();
        assert!(one.predicted.grad(&gradients).is_some() && one.projected.grad(&gradients).is_none());
    }
}
