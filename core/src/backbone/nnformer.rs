//! nnFormer: a transformer over windows with a convolutional stem, in encoder and decoder.
//!
//! Zhou et al., "nnFormer: Volumetric Medical Image Segmentation via a 3D Transformer" (arXiv 2109.03201), as its
//! authors released it (d48aaeb) in three variants, one per data set, with MedContext's mask token (6b97c57): tokens
//! are replaced after the stem, so that every skip is masked. Parameter names are the released code's.
//!
//! The quirks that weights depend on are reproduced: the stem's order convolution, GELU, norm; decoder queries without
//! a projection; skips that are added; ACDC without a mask at the seams of shifted windows; and, for the released
//! sizes, a position index that is not one to one ([`PositionIndex`]).

mod config;
mod decoder;
mod encoder;
mod form;
mod layers;
#[cfg(test)]
mod tests;

use self::form::LEVELS;
use super::architecture::LOSS;
use super::cost::{conv, swin_block, volume};
use super::reference::{INDEX, position_indices};
use super::{
    Architecture, Label, Named, PatchRule, RecipeFamily, RecognitionError, Recognized, ReferenceTensor, Registered,
    Shapes, Size, Untold,
};
use crate::nn::{Init, WindowGrid};
use crate::volume::AxisOrder;
pub use config::{NnformerConfig, PositionIndex};
pub use form::NnformerForm;
pub use layers::Nnformer;

/// Weights of the outputs at full, half and quarter resolution (nnU-Net's, for three scales).
const SCALE_WEIGHTS: [f64; 3] = [4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0];

impl Architecture for NnformerConfig {
    type Layers = Nnformer;

    fn patch_rule(&self) -> PatchRule {
        self.form.patch_rule()
    }

    fn token(&self) -> [usize; 3] {
        self.form.token()
    }

    fn scale_weights(&self) -> &'static [f64] {
        if self.deep_supervision { &SCALE_WEIGHTS } else { &[1.0] }
    }

    /// Values per voxel, for each token channel and for each head of the first level; deeper levels keep the same share
    /// of both.
    fn training_values(&self, patch: [usize; 3]) -> f64 {
        let (channel, head) = match self.form {
            NnformerForm::Synapse => (4.1, 29.0),
            // Tokens are as thin as a slice, and windows reach beyond the grid.
            NnformerForm::Acdc => (8.6, 184.0),
            NnformerForm::Tumor => (1.65, 28.0),
        };
        let levels = channel * self.embedding as f64 + head * self.heads[0] as f64;
        volume(patch) * (LOSS + levels)
    }

    fn inference_values(&self, patch: [usize; 3]) -> f64 {
        let channel = match self.form {
            NnformerForm::Acdc => 1.2,
            NnformerForm::Synapse | NnformerForm::Tumor => 0.15,
        };
        volume(patch) * (12.0 + channel * self.embedding as f64)
    }

    fn largest_values(&self, patch: [usize; 3]) -> f64 {
        // The scores of the finest level.
        let windows = WindowGrid::new(self.grids(patch)[0], self.windows[0], false);
        (self.heads[0] * windows.windows() * windows.tokens().pow(2)) as f64
    }

    fn multiply_adds(&self, channels: usize, classes: usize, patch: [usize; 3]) -> u64 {
        let count = |grid: [usize; 3]| grid.iter().product::<usize>();
        let grids = self.grids(patch);
        let (half, full) = (self.embedding / 2, self.embedding);
        let [first, _] = self.form.stem();
        let inner = count(std::array::from_fn(|axis| patch[axis] / first[axis]));
        let tokens = count(grids[0]);
        let stem = conv(inner, channels + half, half, 27) + conv(tokens, half + full, full, 27);
        let block = |level: usize, projections| {
            let channels = full << level;
            swin_block(grids[level], self.windows[level], channels, self.mlp_ratio, projections)
        };
        let encoder: u64 = (0..LEVELS).map(|level| 2 * block(level, 4)).sum();
        let steps = (0..LEVELS - 1).map(|level| {
            let (channels, kernel) = (full << level, self.form.down(level).kernel);
            let down = conv(count(grids[level + 1]), channels, 2 * channels, count(kernel));
            let up = conv(count(grids[level]), 2 * channels, channels, 1);
            down + up + block(level, 3) + block(level, 4)
        });
        let voxels = count(patch);
        let heads = (0..self.scale_weights().len()).map(|level| conv(voxels >> (3 * level), full << level, classes, 1));
        stem + encoder + steps.sum::<u64>() + heads.sum::<u64>()
    }

    fn check(&self, patch: [usize; 3]) -> Result<(), String> {
        let by_level = (0..LEVELS).map(|level| (level, self.heads[level]));
        let decoder = self.decoder_heads.iter().copied().enumerate();
        for (level, heads) in by_level.chain(decoder) {
            let channels = self.embedding << level;
            if channels == 0 || heads == 0 || !channels.is_multiple_of(heads) {
                return Err(format!(
                    "nnformer cannot split {channels} channels over {heads} heads: make each level's channels a \
                     multiple of its heads"
                ));
            }
        }
        if self.embedding < 2 || !self.embedding.is_multiple_of(2) {
            return Err("nnformer's stem halves the embedding: make it an even number".to_owned());
        }
        if self.mlp_ratio == 0 || self.windows.as_flattened().contains(&0) {
            return Err("nnformer needs windows and an mlp_ratio of at least 1".to_owned());
        }
        if !(0.0..1.0).contains(&self.drop_path) {
            let rate = self.drop_path;
            return Err(format!("nnformer's drop_path is {rate}: choose 0 to below 1"));
        }
        for (grid, window) in self.grids(patch).into_iter().zip(self.windows) {
            let window = std::array::from_fn(|axis| grid[axis].min(window[axis]).max(1));
            if self.index == PositionIndex::Released && !self.index_fits(window) {
                return Err(format!(
                    "nnformer's released position index does not fit windows of {window:?} tokens: choose a larger \
                     patch, or index = \"distinct\""
                ));
            }
        }
        Ok(())
    }

    fn build(&self, channels: usize, classes: usize, patch: [usize; 3], init: &mut Init) -> Nnformer {
        Nnformer::new(self, channels, classes, patch, init)
    }

    fn reference_tensors(&self, parameters: &[String], patch: [usize; 3]) -> Vec<ReferenceTensor> {
        position_indices(parameters, |attention| {
            // "….layers.LEVEL.…": the decoder's levels have the windows of the encoder's.
            let parts: Vec<&str> = attention.split('.').collect();
            let level = parts.iter().position(|part| *part == "layers");
            let level = level.and_then(|at| parts.get(at + 1)?.parse().ok());
            self.position_index(patch, level.unwrap_or(0))
        })
    }
}

impl Registered for NnformerConfig {
    const NAMES: &'static [Named<Self>] = &[
        Named {
            label: Label {
                name: "nnformer",
                title: "nnFormer",
                parameters: [2_400_000, 9_400_000, 150_000_000],
                pace: "quick, coarse tokens",
                recipes: RecipeFamily::NnUnet,
            },
            numbers: |size| Self::new(NnformerForm::Synapse, size),
        },
        Named {
            label: Label {
                name: "nnformer-acdc",
                title: "nnFormer ACDC",
                parameters: [2_400_000, 9_400_000, 37_200_000],
                pace: "quick, coarse tokens",
                recipes: RecipeFamily::NnUnet,
            },
            numbers: |size| Self::new(NnformerForm::Acdc, size),
        },
        Named {
            label: Label {
                name: "nnformer-tumor",
                title: "nnFormer tumor",
                parameters: [2_400_000, 9_400_000, 37_700_000],
                pace: "quick, coarse tokens",
                recipes: RecipeFamily::NnUnet,
            },
            numbers: |size| Self::new(NnformerForm::Tumor, size),
        },
    ];

    const ANCHOR: &'static str = "model_down.patch_embed.proj1.conv1.weight";

    fn name(&self) -> &'static str {
        match self.form {
            NnformerForm::Synapse => "nnformer",
            NnformerForm::Acdc => "nnformer-acdc",
            NnformerForm::Tumor => "nnformer-tumor",
        }
    }

    fn is_unused(name: &str) -> bool {
        name.ends_with(INDEX)
    }

    fn recognize(shapes: &Shapes<'_>, untold: &Untold<'_, Self>) -> Result<Recognized<Self>, RecognitionError> {
        let head = shapes.shape("final.0.up.weight")?;
        let (form, patch) = match head {
            [_, _, 2, 4, 4] => (NnformerForm::Synapse, [64, 128, 128]),
            [_, _, 1, 4, 4] => (NnformerForm::Acdc, [14, 160, 160]),
            [_, _, 4, 4, 4] => (NnformerForm::Tumor, [128; 3]),
            _ => {
                return Err(RecognitionError::Unsuitable(format!(
                    "hold an nnFormer with tokens of {:?} voxels, which is none of the released ones",
                    head.get(2..).unwrap_or_default()
                )));
            }
        };
        let embedding = shapes.side("model_down.patch_embed.proj2.conv2.weight", 0)?;
        let table =
            |part: &str, level: usize| format!("{part}.layers.{level}.blocks.0.attn.relative_position_bias_table");
        let mut config = NnformerConfig::new(form, Size::Paper);
        for level in 0..4 {
            config.heads[level] = shapes.side(&table("model_down", level), 1)?;
        }
        for level in 0..3 {
            config.decoder_heads[level] = shapes.side(&table("decoder", level), 1)?;
        }
        let mlp = shapes.side("model_down.layers.0.blocks.0.mlp.fc1.weight", 0)?;
        config.embedding = embedding;
        config.mlp_ratio = mlp / embedding.max(1);
        config.index = PositionIndex::Released;
        if let Some(expected) = untold.expected {
            // Neither names nor shapes tell these.
            config.windows = expected.windows;
            config.drop_path = expected.drop_path;
            config.deep_supervision = expected.deep_supervision;
        }
        Ok(Recognized {
            network: config,
            channels: shapes.side(Self::ANCHOR, 1)?,
            classes: shapes.side("final.0.up.weight", 1)?,
            patch,
            axes: AxisOrder::Zyx,
            assumed: Vec::new(),
        })
    }
}
