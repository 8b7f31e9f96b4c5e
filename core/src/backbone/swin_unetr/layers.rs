//! The layers of SwinUNETR.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::config::{STAGES, SwinUnetrConfig, TOKEN};
use crate::backbone::Segmenter;
use crate::backbone::encoder::Encoder;
use crate::backbone::monai::{block_name, wrapped_encoder};
use crate::nn::{
    Conv3d, ConvBlock, DecoderUp, Init, PatchConv, PatchMerging, RelativeIndex, SwinBlock, SwinBlockConfig, TokenMask,
    plain_layer_norm,
};

/// SwinUNETR (Hatamizadeh et al., 2022, arXiv 2201.01266).
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
    pub fn new(config: &SwinUnetrConfig, channels: usize, classes: usize, patch: [usize; 3], init: &mut Init) -> Self {
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
            stages: (0..STAGES).map(|stage| Stage::new(config, stage, grid, init)).collect(),
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

    /// The transformer's maps before the first and after every stage, normalized,
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
        let y = self.decoder5.forward(self.encoder10.forward(hidden4), hidden3);
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
        if let Some((stage, rest)) = name.strip_prefix("stages.").and_then(|rest| rest.split_once('.')) {
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

    fn encoder(&self) -> Option<&dyn Encoder> {
        Some(self)
    }

    fn encoder_prefixes(&self) -> &'static [&'static str] {
        &["swinViT.", "mask_token"]
    }

    fn head_prefix(&self) -> &'static str {
        "out."
    }

    fn input_prefixes(&self) -> &'static [&'static str] {
        &[
            "swinViT.patch_embed.proj.weight",
            "encoder1.layer.conv1.",
            "encoder1.layer.conv3.",
        ]
    }
}

impl Encoder for SwinUnetr {
    fn features(&self, x: Tensor<5>, mask: Option<&TokenMask>) -> Tensor<5> {
        let [.., last] = self.hidden(x, mask);
        last
    }
}

/// `[batch, d, h, w, channel]` → `[batch, channel, d, h, w]`.
fn channels_first(x: Tensor<5>) -> Tensor<5> {
    x.permute([0, 4, 1, 2, 3])
}

/// Transformer blocks on one grid, and the merging that halves it.
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
            blocks: (0..config.depths[stage]).map(|index| block(index, init)).collect(),
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
