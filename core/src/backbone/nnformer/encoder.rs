//! The stem and the encoder.

use burn::module::{Module, Param};
use burn::nn::LayerNorm;
use burn::tensor::Tensor;
use burn::tensor::activation::gelu;

use super::config::NnformerConfig;
use super::form::LEVELS;
use crate::nn::{
    Conv3d, ConvGeometry, Init, StridedConv3d, SwinBlock, SwinBlockConfig, TokenMask, drop_rates, layer_norm,
    normalized,
};

/// Blocks of a level.
const DEPTH: usize = 2;

/// Stem, mask and levels.
#[derive(Module, Debug)]
pub(super) struct Encoder {
    patch_embed: Stem,
    /// What masked tokens become, `[1, 1, embedding]`; zero at the start.
    mask_token: Param<Tensor<3>>,
    layers: Vec<Level>,
    /// Of each level's skip.
    norms: Vec<LayerNorm>,
}

impl Encoder {
    pub(super) fn new(config: &NnformerConfig, channels: usize, grids: &[[usize; 3]; LEVELS], init: &mut Init) -> Self {
        Self {
            patch_embed: Stem::new(config, channels, init),
            mask_token: init.constant([1, 1, config.embedding], 0.0),
            layers: (0..LEVELS)
                .map(|level| Level::new(config, level, grids[level], init))
                .collect(),
            norms: (0..LEVELS)
                .map(|level| layer_norm(config.embedding << level, init))
                .collect(),
        }
    }

    /// The levels' maps, normalized, the finest first, `[batch, d, h, w, channel]`.
    pub(super) fn forward(&self, x: Tensor<5>, mask: Option<&TokenMask>) -> Vec<Tensor<5>> {
        let mut x = self.patch_embed.forward(x);
        if let Some(mask) = mask {
            let [batch, d, h, w, channels] = x.dims();
            let tokens = x.reshape([batch, d * h * w, channels]);
            let tokens = mask.apply(tokens, self.mask_token.val());
            x = tokens.reshape([batch, d, h, w, channels]);
        }
        let mut skips = Vec::with_capacity(LEVELS);
        for (level, norm) in self.layers.iter().zip(&self.norms) {
            x = level.blocks.iter().fold(x, |x, block| block.forward(x));
            skips.push(normalized(norm, x.clone()));
            if let Some(downsample) = &level.downsample {
                x = downsample.forward(x);
            }
        }
        skips
    }
}

/// Four convolutions from voxels to tokens.
#[derive(Module, Debug)]
struct Stem {
    proj1: Projection,
    proj2: Projection,
    norm: LayerNorm,
}

impl Stem {
    fn new(config: &NnformerConfig, channels: usize, init: &mut Init) -> Self {
        let (half, full) = (config.embedding / 2, config.embedding);
        let [first, second] = config.form.stem();
        Self {
            proj1: Projection::new(channels, half, first, true, init),
            proj2: Projection::new(half, full, second, false, init),
            norm: layer_norm(full, init),
        }
    }

    /// `[batch, channel, d, h, w]` → tokens `[batch, d, h, w, embedding]`.
    fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let x = self.proj2.forward(self.proj1.forward(x));
        normalized(&self.norm, channels_last(x))
    }
}

/// A convolution that reduces and one that does not. GELU and norm follow the first one, and the
/// second where it is not the stem's last.
#[derive(Module, Debug)]
struct Projection {
    conv1: StridedConv3d,
    conv2: Conv3d,
    norm1: LayerNorm,
    norm2: Option<LayerNorm>,
}

impl Projection {
    fn new(input: usize, output: usize, stride: [usize; 3], inner: bool, init: &mut Init) -> Self {
        Self {
            conv1: StridedConv3d::new(input, output, &ConvGeometry::three(stride), init),
            conv2: Conv3d::new(output, output, 3, true, init),
            norm1: layer_norm(output, init),
            norm2: inner.then(|| layer_norm(output, init)),
        }
    }

    fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let x = activate(self.conv1.forward(x), &self.norm1);
        let x = self.conv2.forward(x);
        match &self.norm2 {
            Some(norm) => activate(x, norm),
            None => x,
        }
    }
}

/// GELU, then a norm over channels; `[batch, channel, d, h, w]`.
fn activate(x: Tensor<5>, norm: &LayerNorm) -> Tensor<5> {
    channels_first(normalized(norm, channels_last(gelu(x))))
}

fn channels_last(x: Tensor<5>) -> Tensor<5> {
    x.permute([0, 2, 3, 4, 1])
}

fn channels_first(x: Tensor<5>) -> Tensor<5> {
    x.permute([0, 4, 1, 2, 3])
}

/// Blocks on one grid, and the downsampling to the next.
#[derive(Module, Debug)]
struct Level {
    blocks: Vec<SwinBlock>,
    downsample: Option<Downsample>,
}

impl Level {
    fn new(config: &NnformerConfig, level: usize, grid: [usize; 3], init: &mut Init) -> Self {
        let channels = config.embedding << level;
        let rates = drop_rates(config.drop_path, LEVELS * DEPTH);
        let block = |index: usize, init: &mut Init| {
            let config = SwinBlockConfig {
                channels,
                heads: config.heads[level],
                grid,
                window: config.windows[level],
                shifted: index % 2 == 1,
                masked: config.form.masks_seams(),
                index: config.index(),
                mlp_ratio: config.mlp_ratio,
                drop_path: rates[level * DEPTH + index],
            };
            SwinBlock::new(&config, init)
        };
        Self {
            blocks: (0..DEPTH).map(|index| block(index, init)).collect(),
            downsample: (level + 1 < LEVELS).then(|| Downsample::new(channels, &config.form.down(level), init)),
        }
    }
}

/// GELU, norm and a convolution to the next coarser grid with twice the channels.
#[derive(Module, Debug)]
struct Downsample {
    reduction: StridedConv3d,
    norm: LayerNorm,
}

impl Downsample {
    fn new(channels: usize, step: &ConvGeometry, init: &mut Init) -> Self {
        Self {
            reduction: StridedConv3d::new(channels, 2 * channels, step, init),
            norm: layer_norm(channels, init),
        }
    }

    /// `[batch, d, h, w, channel]` → the next level's `[batch, d, h, w, 2·channel]`.
    fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let x = channels_first(normalized(&self.norm, gelu(x)));
        channels_last(self.reduction.forward(x))
    }
}
