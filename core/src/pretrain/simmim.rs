//! SimMIM's head and loss (Xie et al., arXiv 2111.09886): one linear layer restores the voxels under each of the
//! encoder's deepest features.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{FloatDType, Tensor};
use rand::Rng;

use super::Task;
use super::mask::Cubes;
use crate::backbone::EncoderShape;
use crate::nn::{Init, cut, join, linear, project, sum};

/// Prevents division by zero, as in the released code.
const EPSILON: f64 = 1e-5;

/// From features to voxels.
#[derive(Module, Debug)]
pub struct SimmimHead {
    restore: Linear,
}

impl SimmimHead {
    /// A new head for scans of so many channels.
    pub fn new(encoder: EncoderShape, channels: usize, init: &mut Init) -> Self {
        Self {
            restore: linear(encoder.channels, channels * encoder.stride.pow(3), true, init),
        }
    }

    /// The loss of a batch `[batch, channel, d, h, w]`, `[1]`; `None` where the network cannot be pretrained.
    pub fn loss(&self, task: &Task<'_>, x: Tensor<5>, rng: &mut impl Rng) -> Option<Tensor<1>> {
        let target = cut(x.clone(), task.encoder.stride);
        let (restored, masked) = self.see(task, x, rng)?;
        Some(simmim_loss(restored, target, cut(masked, task.encoder.stride)))
    }

    /// A batch as it is restored, and 1 where a voxel was masked, both `[batch, channel, d, h, w]`.
    pub fn restore(&self, task: &Task<'_>, x: Tensor<5>, rng: &mut impl Rng) -> Option<[Tensor<5>; 2]> {
        let shape @ [_, _, d, h, w] = x.dims();
        let (restored, masked) = self.see(task, x, rng)?;
        Some([join(restored, task.encoder.stride, [d, h, w]), masked.expand(shape)])
    }

    /// All voxels, `[batch, feature, channel, voxel]`, from those that are not masked, and 1 where one is masked,
    /// `[batch, 1, d, h, w]`.
    fn see(&self, task: &Task<'_>, x: Tensor<5>, rng: &mut impl Rng) -> Option<(Tensor<4>, Tensor<5>)> {
        let [samples, channels, d, h, w] = x.dims();
        let cubes = Cubes::draw(samples, [d, h, w], task.settings.mask_side, task.settings.ratio(), rng);
        let (device, dtype) = (x.device(), x.dtype());
        let features = task
            .model
            .features(x, Some(&cubes.tokens(task.encoder.token, &device)))?;
        let [_, width, fd, fh, fw] = features.dims();
        let features = features.reshape([samples, width, fd * fh * fw]).swap_dims(1, 2);
        let restored = project(&self.restore, features);
        let restored = restored.reshape([samples, fd * fh * fw, channels, task.encoder.stride.pow(3)]);
        Some((restored, cubes.voxels(&device).cast(dtype)))
    }
}

/// Mean absolute error over the masked voxels, `[1]`, in f32; `restored` and `target` are
/// `[batch, feature, channel, voxel]`, `masked` is `[batch, feature, 1, voxel]` with 1 where a voxel is masked.
pub fn simmim_loss(restored: Tensor<4>, target: Tensor<4>, masked: Tensor<4>) -> Tensor<1> {
    let channels = target.dims()[2];
    let [restored, target, masked] = [restored, target, masked].map(|voxels| voxels.cast(FloatDType::F32));
    let error = (restored - target).abs() * masked.clone();
    sum(error) / ((sum(masked) + EPSILON) * channels as f64)
}
