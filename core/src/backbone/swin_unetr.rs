//! SwinUNETR: a Swin transformer over 2³-voxel tokens with UNETR's convolutional decoder.
//!
//! Hatamizadeh et al., "Swin UNETR" (arXiv 2201.01266), as MONAI 0.9 to 1.5 builds it with instance
//! norm; their differences are [`Merging`](crate::nn::Merging) and `stage_convolutions`. Parameter names are MONAI's.
//!
//! MedContext's paper does not say how it masks this network, and its code lacks it. Our choice:
//! tokens are replaced after the patch embedding and before everything else of the transformer, as
//! in its nnFormer, so that all five skips are masked; `encoder1` sees the raw voxels, as in its
//! UNETR.

mod config;
mod layers;

use self::config::{STAGES, TOKEN};
use super::architecture::LOSS;
use super::cost::{conv, conv_block, decoder_up, swin_block, volume};
use super::encoder::EncoderShape;
use super::reference::{INDEX, position_indices};
use super::{
    Architecture, Holds, Label, Named, PatchRule, RecipeFamily, RecognitionError, Recognized, ReferenceTensor,
    Registered, Shapes, Untold,
};
use crate::nn::{Init, RelativeIndex};
use crate::volume::AxisOrder;
pub use config::SwinUnetrConfig;
pub use layers::SwinUnetr;

impl Architecture for SwinUnetrConfig {
    type Layers = SwinUnetr;

    fn patch_rule(&self) -> PatchRule {
        PatchRule::multiples([TOKEN << STAGES; 3])
    }

    fn token(&self) -> [usize; 3] {
        [TOKEN; 3]
    }

    fn encoder(&self) -> Option<EncoderShape> {
        Some(EncoderShape {
            channels: self.feature << STAGES,
            stride: TOKEN << STAGES,
            token: TOKEN,
            leaves_out: false,
            decoder: None,
        })
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
            // The eight neighbors of every merged token.
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
                    "swin-unetr cannot split {channels} channels over {heads} heads: make each stage's channels a \
                     multiple of its heads"
                ));
            }
        }
        if self.window == 0 || self.mlp_ratio == 0 {
            return Err("swin-unetr needs a window and an mlp_ratio of at least 1".to_owned());
        }
        Ok(())
    }

    fn build(&self, channels: usize, classes: usize, patch: [usize; 3], init: &mut Init) -> SwinUnetr {
        SwinUnetr::new(self, channels, classes, patch, init)
    }

    fn untold_options(&self) -> &'static str {
        "--merging legacy|monai-1.5|v2"
    }

    fn reference_tensors(&self, parameters: &[String], _patch: [usize; 3]) -> Vec<ReferenceTensor> {
        // Every attention has the same window.
        let window = [self.window; 3];
        position_indices(parameters, |_| (window, RelativeIndex::Monai.strides(window)))
    }
}

impl Registered for SwinUnetrConfig {
    const NAMES: &'static [Named<Self>] = &[Named {
        label: Label {
            name: "swin-unetr",
            title: "SwinUNETR",
            parameters: [1_800_000, 15_700_000, 62_200_000],
            pace: "the slowest of the four",
            recipes: RecipeFamily::Monai,
        },
        numbers: Self::new,
    }];

    const ANCHOR: &'static str = "swinViT.patch_embed.proj.weight";

    /// Self-supervised weights call the MLP `fc1` and `fc2`.
    fn canonical_name(name: &str, has: Holds<'_>) -> Option<String> {
        has(Self::ANCHOR).then(|| {
            name.replace(".mlp.fc1.", ".mlp.linear1.")
                .replace(".mlp.fc2.", ".mlp.linear2.")
        })
    }

    fn is_unused(name: &str) -> bool {
        name.ends_with(INDEX)
    }

    fn recognize(shapes: &Shapes<'_>, untold: &Untold<'_, Self>) -> Result<Recognized<Self>, RecognitionError> {
        let feature = shapes.side(Self::ANCHOR, 0)?;
        let block = |stage: usize, block: usize| format!("swinViT.layers{stage}.0.blocks.{block}");
        let table = |stage| format!("{}.attn.relative_position_bias_table", block(stage, 0));
        let rows = shapes.side(&table(1), 0)?;
        let mut heads = [0; 4];
        let mut depths = [0; 4];
        for stage in 1..=4 {
            heads[stage - 1] = shapes.side(&table(stage), 1)?;
            depths[stage - 1] = shapes.count(|i| format!("{}.norm1.weight", block(stage, i)));
        }
        let mlp = shapes.side(&format!("{}.mlp.linear1.weight", block(1, 0)), 0)?;
        let expected = untold.expected.map(|expected| expected.merging);
        let merging = expected.unwrap_or(untold.merging);
        let config = SwinUnetrConfig {
            feature,
            depths,
            heads,
            window: (1..=32).find(|w| (2 * w - 1usize).pow(3) == rows).unwrap_or(7),
            mlp_ratio: mlp / feature.max(1),
            merging,
            stage_convolutions: shapes.has("swinViT.layers1c.0.layer.conv1.conv.weight"),
        };
        Ok(Recognized {
            network: config,
            channels: shapes.side(Self::ANCHOR, 1)?,
            classes: shapes.side("out.conv.conv.weight", 0)?,
            patch: [96; 3],
            axes: AxisOrder::Xyz,
            assumed: vec![format!("patch merging {merging:?}")],
        })
    }
}
