//! SwinUNETR: a Swin transformer over 2³-voxel tokens with UNETR's convolutional decoder.
//!
//! Hatamizadeh et al., "Swin UNETR" (arXiv 2201.01266), as MONAI 0.9 to 1.5 builds it with instance
//! norm; their differences are [`Merging`] and `stage_convolutions`. Parameter names are MONAI's.
//!
//! MedContext's paper does not say how it masks this network, and its code lacks it. Our choice:
//! tokens are replaced after the patch embedding and before everything else of the transformer, as
//! in its nnFormer, so that all five skips are masked; `encoder1` sees the raw voxels, as in its
//! UNETR.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::cost::{conv, conv_block, decoder_up, swin_block, volume};
use super::monai::{block_name, wrapped_encoder};
use super::{Architecture, LOSS, Model, PatchRule, Segmenter, Size};
use crate::medcontext::TokenMask;
use crate::nn::{
    Conv3d, ConvBlock, DecoderUp, Init, Merging, PatchConv, PatchMerging, RelativeIndex, SwinBlock,
    SwinBlockConfig, WindowGrid, plain_layer_norm,
};

/// Side of a token in voxels.
const TOKEN: usize = 2;

/// Stages of the transformer; each halves the grid.
const STAGES: usize = 4;

/// Architectural numbers of SwinUNETR.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SwinUnetrConfig {
    /// Channels of a token; doubles with every stage.
    pub feature: usize,
    /// Transformer blocks of each stage.
    pub depths: [usize; STAGES],
    /// Attention heads of each stage; each divides the stage's channels.
    pub heads: [usize; STAGES],
    /// Side of a window in tokens.
    pub window: usize,
    /// Channels inside a block's MLP, as a multiple of the stage's.
    pub mlp_ratio: usize,
    /// How stages halve the grid.
    pub merging: Merging,
    /// Convolutions before every stage (`use_v2` in MONAI).
    pub stage_convolutions: bool,
}

impl Default for SwinUnetrConfig {
    fn default() -> Self {
        Self::new(Size::Small)
    }
}

impl SwinUnetrConfig {
    /// A named size. `paper` is MedContext's: feature size 48, and the merging that MONAI had then.
    pub fn new(size: Size) -> Self {
        let (feature, heads, window) = match size {
            Size::Tiny => (8, [1, 2, 4, 8], 4),
            Size::Small => (24, [3, 6, 12, 24], 7),
            Size::Paper => (48, [3, 6, 12, 24], 7),
        };
        Self {
            feature,
            depths: [2; STAGES],
            heads,
            window,
            mlp_ratio: 4,
            merging: match size {
                Size::Paper => Merging::Legacy,
                Size::Tiny | Size::Small => Merging::Monai15,
            },
            stage_convolutions: false,
        }
    }
}

impl SwinUnetrConfig {
    /// The window of every attention, and its index's step along each axis.
    pub(crate) fn position_index(&self) -> ([usize; 3], [usize; 3]) {
        let window = [self.window; 3];
        (window, RelativeIndex::Monai.strides(window))
    }
}

impl SwinUnetrConfig {
    /// Attention scores of one block of a stage: for every head and every token of the windows, the
    /// padding's included, one with each token of its window.
    fn scores(&self, stage: usize, patch: [usize; 3]) -> f64 {
        let grid = patch.map(|side| (side / TOKEN) >> stage);
        let windows = WindowGrid::new(grid, [self.window; 3], false);
        (self.heads[stage] * windows.windows() * windows.tokens().pow(2)) as f64
    }
}

impl Architecture for SwinUnetrConfig {
    fn patch_rule(&self) -> PatchRule {
        PatchRule::multiples([TOKEN << STAGES; 3])
    }

    fn token(&self) -> [usize; 3] {
        [TOKEN; 3]
    }

    /// Some 14 maps of `feature` channels at full resolution, a third as much below it, and three
    /// times the scores of every attention.
    fn training_values(&self, patch: [usize; 3]) -> f64 {
        let scores: f64 = (0..STAGES)
            .map(|stage| self.depths[stage] as f64 * self.scores(stage, patch))
            .sum();
        volume(patch) * (LOSS + 18.8 * self.feature as f64) + 3.0 * scores
    }

    fn inference_values(&self, patch: [usize; 3]) -> f64 {
        volume(patch) * 5.3 * self.feature as f64 + 1.8 * self.scores(0, patch)
    }

    fn largest_values(&self, patch: [usize; 3]) -> f64 {
        let joined = volume(patch) * 2.0 * self.feature as f64;
        joined.max(self.scores(0, patch))
    }

    fn multiply_adds(&self, channels: usize, classes: usize, patch: [usize; 3]) -> u64 {
        let f = self.feature;
        let voxels: usize = patch.iter().product();
        let stage = |stage: usize| {
            let (channels, grid) = (f << stage, patch.map(|side| (side / TOKEN) >> stage));
            let tokens: usize = grid.iter().product();
            let block = swin_block(grid, [self.window; 3], channels, self.mlp_ratio, 4);
            let convolutions = if self.stage_convolutions {
                conv_block(tokens, channels, channels, true)
            } else {
                0
            };
            // The eight neighbours of every merged token.
            let merging = conv(tokens, channels, 2 * channels, 1);
            self.depths[stage] as u64 * block + convolutions + merging
        };
        let stages: u64 = (0..STAGES).map(stage).sum();
        let level = |level: u32| voxels >> (3 * level);
        let encoders = conv_block(voxels, channels, f, true)
            + conv_block(level(1), f, f, true)
            + conv_block(level(2), 2 * f, 2 * f, true)
            + conv_block(level(3), 4 * f, 4 * f, true)
            + conv_block(level(5), 16 * f, 16 * f, true);
        let decoders = decoder_up(level(4), 16 * f, 8 * f, true)
            + decoder_up(level(3), 8 * f, 4 * f, true)
            + decoder_up(level(2), 4 * f, 2 * f, true)
            + decoder_up(level(1), 2 * f, f, true)
            + decoder_up(voxels, f, f, true);
        let ends = conv(voxels, channels, f, 1) + conv(voxels, f, classes, 1);
        stages + encoders + decoders + ends
    }

    fn check(&self, _patch: [usize; 3]) -> Result<(), String> {
        for (stage, &heads) in self.heads.iter().enumerate() {
            let channels = self.feature << stage;
            if channels == 0 || heads == 0 || !channels.is_multiple_of(heads) {
                return Err(format!(
                    "swin-unetr cannot split {channels} channels over {heads} heads: make each stage's channels a multiple of its heads"
                ));
            }
        }
        if self.window == 0 || self.mlp_ratio == 0 {
            return Err("swin-unetr needs a window and an mlp_ratio of at least 1".to_owned());
        }
        Ok(())
    }

    fn build(&self, channels: usize, classes: usize, patch: [usize; 3], init: &mut Init) -> Model {
        Model::SwinUnetr(SwinUnetr::new(self, channels, classes, patch, init))
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct SwinUnetr {
    patch_embed: PatchConv,
    stages: Vec<Stage>,
    /// What masked tokens become, `[1, 1, feature]`; zero at the start.
    mask_token: Param<Tensor<3>>,
    encoder1: ConvBlock,
    encoder2: ConvBlock,
    encoder3: ConvBlock,
    encoder4: ConvBlock,
    encoder10: ConvBlock,
    decoder5: DecoderUp,
    decoder4: DecoderUp,
    decoder3: DecoderUp,
    decoder2: DecoderUp,
    decoder1: DecoderUp,
    out: Conv3d,
}

impl SwinUnetr {
    /// A new network for patches of `patch` voxels.
    pub fn new(
        config: &SwinUnetrConfig,
        channels: usize,
        classes: usize,
        patch: [usize; 3],
        init: &mut Init,
    ) -> Self {
        let f = config.feature;
        let grid = patch.map(|side| side / TOKEN);
        let mut encoder = |input, output| ConvBlock::new(input, output, true, init);
        let (encoder1, encoder2) = (encoder(channels, f), encoder(f, f));
        let (encoder3, encoder4) = (encoder(2 * f, 2 * f), encoder(4 * f, 4 * f));
        let encoder10 = encoder(16 * f, 16 * f);
        let mut decoder = |input, output| DecoderUp::new(input, output, true, init);
        let (decoder5, decoder4) = (decoder(16 * f, 8 * f), decoder(8 * f, 4 * f));
        let (decoder3, decoder2) = (decoder(4 * f, 2 * f), decoder(2 * f, f));
        let decoder1 = decoder(f, f);
        Self {
            patch_embed: PatchConv::new(channels, f, TOKEN, init),
            stages: (0..STAGES)
                .map(|stage| Stage::new(config, stage, grid, init))
                .collect(),
            mask_token: init.constant([1, 1, f], 0.0),
            encoder1,
            encoder2,
            encoder3,
            encoder4,
            encoder10,
            decoder5,
            decoder4,
            decoder3,
            decoder2,
            decoder1,
            out: Conv3d::new(f, classes, 1, true, init),
        }
    }

    /// The transformer's maps before the first and after every stage, normalised,
    /// `[batch, channel, d, h, w]`.
    pub fn hidden(&self, x: Tensor<5>, mask: Option<&TokenMask>) -> [Tensor<5>; STAGES + 1] {
        let [batch, _, d, h, w] = x.dims();
        let mut tokens = self.patch_embed.forward(x);
        if let Some(mask) = mask {
            tokens = mask.apply(tokens, self.mask_token.val());
        }
        let channels = tokens.dims()[2];
        let mut x = tokens.reshape([batch, d / TOKEN, h / TOKEN, w / TOKEN, channels]);
        std::array::from_fn(|level| {
            if level > 0 {
                x = self.stages[level - 1].forward(x.clone());
            }
            channels_first(plain_layer_norm(x.clone()))
        })
    }
}

impl Segmenter for SwinUnetr {
    fn forward(&self, x: Tensor<5>, mask: Option<&TokenMask>, _scales: usize) -> Vec<Tensor<5>> {
        let [hidden0, hidden1, hidden2, hidden3, hidden4] = self.hidden(x.clone(), mask);
        let y = self
            .decoder5
            .forward(self.encoder10.forward(hidden4), hidden3);
        let y = self.decoder4.forward(y, self.encoder4.forward(hidden2));
        let y = self.decoder3.forward(y, self.encoder3.forward(hidden1));
        let y = self.decoder2.forward(y, self.encoder2.forward(hidden0));
        let y = self.decoder1.forward(y, self.encoder1.forward(x));
        vec![self.out.forward(y)]
    }

    /// As in MONAI's `SwinUNETR.state_dict()`.
    fn reference_name(&self, path: &str) -> String {
        if let Some(parameter) = path.strip_prefix("patch_embed.") {
            return format!("swinViT.patch_embed.proj.{parameter}");
        }
        let mut name = block_name(path);
        if let Some((stage, rest)) = name
            .strip_prefix("stages.")
            .and_then(|rest| rest.split_once('.'))
        {
            // Stages count from 1.
            let number = stage.parse::<usize>().map_or(0, |stage| stage + 1);
            let rest = rest.replace("relative_position.table", "relative_position_bias_table");
            return match rest.strip_prefix("convolutions.") {
                Some(rest) => format!("swinViT.layers{number}c.0.layer.{rest}"),
                None => format!("swinViT.layers{number}.0.{rest}"),
            };
        }
        for encoder in ["encoder1", "encoder2", "encoder3", "encoder4", "encoder10"] {
            name = wrapped_encoder(&name, encoder);
        }
        name
    }

    fn head(&self) -> &'static str {
        "out."
    }

    fn input(&self) -> &'static [&'static str] {
        &[
            "swinViT.patch_embed.proj.weight",
            "encoder1.layer.conv1.",
            "encoder1.layer.conv3.",
        ]
    }
}

/// `[batch, d, h, w, channel]` → `[batch, channel, d, h, w]`.
fn channels_first(x: Tensor<5>) -> Tensor<5> {
    x.permute([0, 4, 1, 2, 3])
}

/// Transformer blocks on one grid, and the halving of it.
#[derive(Module, Debug)]
struct Stage {
    convolutions: Option<ConvBlock>,
    blocks: Vec<SwinBlock>,
    downsample: PatchMerging,
}

impl Stage {
    fn new(config: &SwinUnetrConfig, stage: usize, grid: [usize; 3], init: &mut Init) -> Self {
        let channels = config.feature << stage;
        let block = |index: usize, init: &mut Init| {
            let config = SwinBlockConfig {
                channels,
                heads: config.heads[stage],
                grid: grid.map(|side| side >> stage),
                window: [config.window; 3],
                shifted: index % 2 == 1,
                masked: true,
                index: RelativeIndex::Monai,
                mlp_ratio: config.mlp_ratio,
                drop_path: 0.0,
            };
            SwinBlock::new(&config, init)
        };
        Self {
            convolutions: config
                .stage_convolutions
                .then(|| ConvBlock::new(channels, channels, true, init)),
            blocks: (0..config.depths[stage])
                .map(|index| block(index, init))
                .collect(),
            downsample: PatchMerging::new(channels, config.merging, init),
        }
    }

    /// `[batch, d, h, w, channel]` → `[batch, d/2, h/2, w/2, 2·channel]`.
    fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let x = match &self.convolutions {
            Some(block) => block.forward(channels_first(x)).permute([0, 2, 3, 4, 1]),
            None => x,
        };
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        self.downsample.forward(x)
    }
}
