//! The decoder.

use burn::module::Module;
use burn::nn::LayerNorm;
use burn::tensor::Tensor;

use super::config::NnformerConfig;
use super::form::LEVELS;
use crate::nn::{
    CrossSwinBlock, Init, SwinBlock, SwinBlockConfig, TransposedConv3d, drop_rates, layer_norm, normalized,
};

/// Blocks of a level: one that attends to the skip, one that attends to itself.
const DEPTH: usize = 2;

/// All levels, finest first.
#[derive(Module, Debug)]
pub(super) struct Decoder {
    layers: Vec<Level>,
}

impl Decoder {
    pub(super) fn new(config: &NnformerConfig, grids: &[[usize; 3]; LEVELS], init: &mut Init) -> Self {
        Self {
            layers: (0..LEVELS - 1)
                .map(|level| Level::new(config, level, grids[level], init))
                .collect(),
        }
    }

    /// From the encoder's maps to the levels' maps, both the finest first,
    /// `[batch, d, h, w, channel]`.
    pub(super) fn forward(&self, mut skips: Vec<Tensor<5>>) -> Vec<Tensor<5>> {
        let mut maps = Vec::with_capacity(self.layers.len());
        let Some(mut x) = skips.pop() else {
            return maps;
        };
        for (level, skip) in self.layers.iter().zip(skips).rev() {
            x = level.forward(x, skip);
            maps.push(x.clone());
        }
        maps.reverse();
        maps
    }
}

#[derive(Module, Debug)]
struct Level {
    upsample: Upsample,
    cross: CrossSwinBlock,
    block: SwinBlock,
}

impl Level {
    fn new(config: &NnformerConfig, level: usize, grid: [usize; 3], init: &mut Init) -> Self {
        let channels = config.embedding << level;
        // Rates increase toward the finest level.
        let rates = drop_rates(config.drop_path, (LEVELS - 1) * DEPTH);
        let first = (LEVELS - 2 - level) * DEPTH;
        let block = |index: usize| SwinBlockConfig {
            channels,
            heads: config.decoder_heads[level],
            grid,
            window: config.windows[level],
            shifted: index == 1,
            masked: config.form.masks_seams(),
            index: config.index(),
            mlp_ratio: config.mlp_ratio,
            drop_path: rates[first + index],
        };
        Self {
            upsample: Upsample::new(channels, config.form.up(level).0, init),
            cross: CrossSwinBlock::new(&block(0), init),
            block: SwinBlock::new(&block(1), init),
        }
    }

    /// The coarser level's `[batch, d, h, w, 2·channel]` and the skip → this level's
    /// `[batch, d, h, w, channel]`.
    fn forward(&self, x: Tensor<5>, skip: Tensor<5>) -> Tensor<5> {
        let [_, d, h, w, _] = skip.dims();
        let query = self.upsample.forward(x, [d, h, w]);
        let shortcut = query.clone() + skip.clone();
        self.block.forward(self.cross.forward(shortcut, query, skip))
    }
}

/// Norm and a transposed convolution to the next finer grid with half the channels.
#[derive(Module, Debug)]
struct Upsample {
    norm: LayerNorm,
    up: TransposedConv3d,
}

impl Upsample {
    fn new(channels: usize, kernel: [usize; 3], init: &mut Init) -> Self {
        Self {
            norm: layer_norm(2 * channels, init),
            up: TransposedConv3d::new(2 * channels, channels, kernel, true, init),
        }
    }

    fn forward(&self, x: Tensor<5>, size: [usize; 3]) -> Tensor<5> {
        let x = normalized(&self.norm, x).permute([0, 4, 1, 2, 3]);
        self.up.forward_to(x, size).permute([0, 2, 3, 4, 1])
    }
}
