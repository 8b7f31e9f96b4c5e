//! The masked autoencoder's decoder and loss (He et al., arXiv 2111.06377), in the numbers of MONAI 1.5's
//! `MaskedAutoEncoderViT`: half of the encoder's channels, four blocks. There is no class token, since UNETR has none.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{FloatDType, Tensor};
use rand::Rng;

use super::Task;
use super::mask::Order;
use crate::backbone::EncoderShape;
use crate::nn::{Init, TransformerBlock, cut, join, layer_norm, linear, mean, normalized, project};

/// Blocks of the decoder.
const BLOCKS: usize = 4;

/// Channels of one of its attention heads.
const HEAD: usize = 32;

/// Prevents division by zero where all voxels of a token are equal, as in the released code.
const EPSILON: f64 = 1e-6;

/// The decoder of a masked autoencoder: it sees all tokens, and restores the voxels of the masked ones.
#[derive(Module, Debug)]
pub struct MaeDecoder {
    embed: Linear,
    /// What masked tokens begin as, `[1, 1, channel]`.
    mask_token: Param<Tensor<3>>,
    /// `[1, token, channel]`.
    position: Param<Tensor<3>>,
    blocks: Vec<TransformerBlock>,
    norm: LayerNorm,
    restore: Linear,
}

impl MaeDecoder {
    /// A new decoder for patches of `patch` voxels with so many channels.
    pub fn new(encoder: EncoderShape, patch: [usize; 3], channels: usize, init: &mut Init) -> Self {
        let width = (encoder.channels / 2).next_multiple_of(HEAD);
        let tokens = patch.map(|side| side / encoder.stride).iter().product();
        let block = |init: &mut Init| TransformerBlock::new(width, (4 * width).div_ceil(3), width / HEAD, init);
        Self {
            embed: linear(encoder.channels, width, true, init),
            mask_token: init.normal([1, 1, width], 0.02),
            position: init.normal([1, tokens, width], 0.02),
            blocks: (0..BLOCKS).map(|_| block(init)).collect(),
            norm: layer_norm(width, init),
            restore: linear(width, channels * encoder.stride.pow(3), true, init),
        }
    }

    /// The loss of a batch `[batch, channel, d, h, w]`, `[1]`; `None` where the encoder cannot leave tokens out.
    pub fn loss(&self, task: &Task<'_>, x: Tensor<5>, rng: &mut impl Rng) -> Option<Tensor<1>> {
        let (restored, order) = self.see(task, x.clone(), rng)?;
        let target = voxels_of_tokens(x, task.encoder.stride).cast(FloatDType::F32);
        let target = match task.settings.normalized_target {
            true => normalized_target(target),
            false => target,
        };
        let masked = order.masked(&target.device());
        Some(mae_loss(restored, target, masked))
    }

    /// A batch as it is restored, and 1 where a voxel was masked, both `[batch, channel, d, h, w]`. Mean and deviation
    /// of a token's voxels, which normalized targets lack, are the true ones, as in the released demonstration.
    pub fn restore(&self, task: &Task<'_>, x: Tensor<5>, rng: &mut impl Rng) -> Option<[Tensor<5>; 2]> {
        let [samples, channels, d, h, w] = x.dims();
        let (restored, order) = self.see(task, x.clone(), rng)?;
        let restored = match task.settings.normalized_target {
            true => {
                let (mean, deviation) = moments(&voxels_of_tokens(x, task.encoder.stride));
                restored * deviation + mean
            }
            false => restored,
        };
        let [_, tokens, _] = restored.dims();
        let voxels = task.encoder.stride.pow(3);
        let shape = [samples, tokens, channels, voxels];
        let masked = order.masked(&restored.device()).reshape([samples, tokens, 1, 1]);
        let whole = |cubes: Tensor<4>| join(cubes, task.encoder.stride, [d, h, w]);
        Some([whole(restored.reshape(shape)), whole(masked.expand(shape))])
    }

    /// The voxels of all tokens, `[batch, token, channel · voxel]`, from visible ones, and which these were.
    fn see(&self, task: &Task<'_>, x: Tensor<5>, rng: &mut impl Rng) -> Option<(Tensor<3>, Order)> {
        let [samples, _, d, h, w] = x.dims();
        let tokens = [d, h, w].map(|side| side / task.encoder.stride).iter().product();
        let order = Order::draw(samples, tokens, task.settings.ratio(), rng);
        let visible = order.visible(&x.device());
        let seen = task.model.visible_features(x, visible)?;
        Some((self.forward(seen, &order), order))
    }

    /// The voxels of all tokens, `[batch, token, channel · voxel]`, from the features of the visible ones.
    fn forward(&self, seen: Tensor<3>, order: &Order) -> Tensor<3> {
        let seen = project(&self.embed, seen);
        let [samples, visible, width] = seen.dims();
        let position = self.position.val();
        let tokens = position.dims()[1];
        let hidden = self.mask_token.val().expand([samples, tokens - visible, width]);
        let places = order.places(&seen.device());
        let places = places.reshape([samples, tokens, 1]).expand([samples, tokens, width]);
        let all = Tensor::cat(vec![seen, hidden], 1).gather(1, places) + position;
        let all = self.blocks.iter().fold(all, |x, block| block.forward(x));
        project(&self.restore, normalized(&self.norm, all))
    }
}

/// The voxels of each token, `[batch, token, channel · voxel]`.
fn voxels_of_tokens(x: Tensor<5>, side: usize) -> Tensor<3> {
    let cubes = cut(x, side);
    let [samples, tokens, channels, voxels] = cubes.dims();
    cubes.reshape([samples, tokens, channels * voxels])
}

/// The voxels of each token in units of their deviation from their mean: `[batch, token, voxel]` → the same shape. The
/// variance is that of a sample (n − 1), as in the released code.
pub fn normalized_target(target: Tensor<3>) -> Tensor<3> {
    let (mean, deviation) = moments(&target);
    (target - mean) / deviation
}

/// Mean and deviation of each token's voxels, `[batch, token, 1]`.
fn moments(target: &Tensor<3>) -> (Tensor<3>, Tensor<3>) {
    let count = target.dims()[2];
    let mean = target.clone().mean_dim(2);
    let squares = (target.clone() - mean.clone()).powi_scalar(2).sum_dim(2);
    let variance = squares / count.saturating_sub(1).max(1) as f64;
    (mean, (variance + EPSILON).sqrt())
}

/// Mean squared error over the voxels of masked tokens, `[1]`, in f32; `restored` and `target` are
/// `[batch, token, voxel]`, `masked` is `[batch, token]` with 1 where a token is masked.
pub fn mae_loss(restored: Tensor<3>, target: Tensor<3>, masked: Tensor<2>) -> Tensor<1> {
    let [samples, tokens, voxels] = target.dims();
    let [restored, target] = [restored, target].map(|voxels| voxels.cast(FloatDType::F32));
    let error = (restored - target).powi_scalar(2).reshape([samples * tokens, voxels]);
    let error: Tensor<2> = error.mean_dim(1);
    let masked = masked.reshape([samples * tokens, 1]);
    mean(error * masked.clone()) / mean(masked)
}
