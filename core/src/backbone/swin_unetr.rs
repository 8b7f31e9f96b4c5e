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
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Int, Tensor};
use serde::{Deserialize, Serialize};

use super::cost::{conv, conv_block, decoder_up, swin_block};
use super::monai::{block_name, wrapped_encoder};
use super::{Architecture, Model, PatchRule, Segmenter, Size};
use crate::medcontext::TokenMask;
use crate::nn::{
    Conv3d, ConvBlock, DecoderUp, Init, PatchConv, RelativeIndex, SwinBlock, SwinBlockConfig,
    layer_norm, linear, plain_layer_norm,
};

/// Side of a token in voxels.
const TOKEN: usize = 2;

/// Stages of the transformer; each halves the grid.
const STAGES: usize = 4;

/// In which order the eight neighbours of a block are joined when a stage halves the grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Merging {
    /// MONAI 0.9 to 1.4, which published weights were trained with: two neighbours are taken twice
    /// and two not at all.
    Legacy,
    /// MONAI 1.5's default.
    #[default]
    Monai15,
    /// MONAI's `mergingv2`.
    V2,
}

impl Merging {
    /// Neighbours in the order in which they are joined, each `4·d + 2·h + w` of its offset.
    fn order(self) -> [i32; 8] {
        match self {
            Self::Legacy => [0, 4, 2, 1, 5, 2, 1, 7],
            Self::Monai15 => [0, 4, 2, 1, 6, 5, 3, 7],
            Self::V2 => [0, 1, 2, 3, 4, 5, 6, 7],
        }
    }
}

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

impl Architecture for SwinUnetrConfig {
    fn patch_rule(&self) -> PatchRule {
        PatchRule::multiples([TOKEN << STAGES; 3])
    }

    fn token(&self) -> [usize; 3] {
        [TOKEN; 3]
    }

    /// Some 20 maps of `feature` channels at full resolution, as much again for the stages, whose
    /// attention keeps a row of the window for each token and head.
    fn activations_per_voxel(&self) -> usize {
        let attention = 3 * self.depths[0] * self.heads[0] * self.window.pow(3) / TOKEN.pow(3);
        32 * self.feature + attention
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

/// Joins the channels of every 2×2×2 block and reduces them to twice the channels of one.
#[derive(Module, Debug)]
struct PatchMerging {
    norm: LayerNorm,
    reduction: Linear,
    /// Neighbours in their order, `[8]`.
    order: Tensor<1, Int>,
}

impl PatchMerging {
    fn new(channels: usize, merging: Merging, init: &mut Init) -> Self {
        Self {
            norm: layer_norm(8 * channels, init),
            reduction: linear(8 * channels, 2 * channels, false, init),
            order: Tensor::from_data(merging.order(), init.device()),
        }
    }

    fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let [batch, d, h, w, channels] = x.dims();
        let [d, h, w] = [d / 2, h / 2, w / 2];
        let neighbours = x
            .reshape([batch, d, 2, h, 2, w, 2, channels])
            .permute([0, 1, 3, 5, 2, 4, 6, 7])
            .reshape([batch * d * h * w, 8, channels])
            .select(1, self.order.clone());
        let joined = neighbours.reshape([batch, d, h, w, 8 * channels]);
        self.reduction.forward(self.norm.forward(joined))
    }
}

#[cfg(test)]
mod tests {
    use burn::module::Param;
    use burn::tensor::{Device, Tensor, TensorData};
    use futures::executor::block_on;

    use super::{Merging, PatchMerging};
    use crate::nn::Init;

    /// What the reduction sees of one 2×2×2 block that holds 100·d + 10·h + w, each place by itself.
    fn seen(merging: Merging) -> Vec<f32> {
        let device = Device::flex();
        let block = [0.0f32, 1.0, 10.0, 11.0, 100.0, 101.0, 110.0, 111.0];
        let x = Tensor::<1>::from_data(block, &device).reshape([1, 2, 2, 2, 1]);
        let mut module = PatchMerging::new(1, merging, &mut Init::new(0, &device));
        let one = |place: usize| {
            let mut weight = vec![0.0f32; 16];
            weight[2 * place] = 1.0;
            Param::from_data(TensorData::new(weight, [8, 2]), &device)
        };
        (0..8)
            .map(|place| {
                module.reduction.weight = one(place);
                let y = module.forward(x.clone()).into_data_async();
                let y = block_on(y).expect("the device answers");
                y.iter::<f32>().next().expect("two channels")
            })
            .collect()
    }

    #[test]
    fn neighbours_are_joined_in_the_order_of_each_version() {
        for (merging, neighbours) in [
            // MONAI 0.9 to 1.4: 010 and 001 twice, 110 and 011 never.
            (Merging::Legacy, [0, 100, 10, 1, 101, 10, 1, 111]),
            (Merging::Monai15, [0, 100, 10, 1, 110, 101, 11, 111]),
            (Merging::V2, [0, 1, 10, 11, 100, 101, 110, 111]),
        ] {
            let joined = neighbours.map(f64::from);
            let mean = joined.iter().sum::<f64>() / 8.0;
            let variance = joined.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 8.0;
            let found = seen(merging);
            for (place, neighbour) in joined.iter().enumerate() {
                let expected = (neighbour - mean) / (variance + 1e-5).sqrt();
                let difference = (f64::from(found[place]) - expected).abs();
                assert!(difference < 1e-5, "{merging:?}, place {place}: {found:?}");
            }
        }
    }
}
