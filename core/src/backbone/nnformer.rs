//! nnFormer: a transformer over windows with a convolutional stem, in encoder and decoder.
//!
//! Zhou et al., "nnFormer: Volumetric Medical Image Segmentation via a 3D Transformer"
//! (arXiv 2109.03201), as its authors released it (d48aaeb) in three forms, one for each of their
//! data sets, with MedContext's mask token (6b97c57): tokens are replaced after the stem, so that
//! every skip is masked. Parameter names are the released code's.
//!
//! The quirks that weights depend on are kept: the stem's order convolution, GELU, norm; decoder
//! queries without a projection; skips that are added; ACDC without a mask at the seams of shifted
//! windows; and, for the released sizes, a position index that is not one to one ([`PositionIndex`]).

mod decoder;
mod encoder;
mod form;
mod layers;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::architecture::LOSS;
use super::cost::{conv, swin_block, volume};
use super::reference::{INDEX, position_indices};
use super::{
    Architecture, Backbone, Label, Model, Network, PatchRule, RecipeFamily, RecognitionError,
    Recognized, ReferenceTensor, Registered, Shapes, Size, Untold,
};
use crate::nn::{Init, RelativeIndex, WindowGrid};
use crate::volume::AxisOrder;
pub use form::NnformerForm;
pub use layers::Nnformer;

/// Levels of the encoder; the decoder has one less.
const LEVELS: usize = 4;

/// Weights of the outputs at full, half and quarter resolution (nnU-Net's, for three scales).
const SCALE_WEIGHTS: [f64; 3] = [4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0];

/// Which row of the position table belongs to a difference of positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PositionIndex {
    /// The released code's, in which different positions can share a row.
    Released,
    /// One row for each difference.
    #[default]
    Distinct,
}

/// Architectural numbers of nnFormer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NnformerConfig {
    /// Which of the released networks; decides tokens and the steps between levels.
    pub form: NnformerForm,
    /// Channels of a token; doubles with every level.
    pub embedding: usize,
    /// Attention heads of the encoder's levels.
    pub heads: [usize; LEVELS],
    /// Attention heads of the decoder's levels, the finest first.
    pub decoder_heads: [usize; LEVELS - 1],
    /// Windows of the encoder's levels in tokens; the decoder has those of its skips.
    pub windows: [[usize; 3]; LEVELS],
    /// Channels inside a block's MLP, as a multiple of the level's.
    pub mlp_ratio: usize,
    /// Probability with which the last block's branches are left out in training; it rises from 0.
    pub drop_path: f64,
    /// The law of the position tables.
    pub index: PositionIndex,
    /// Whether the outputs at half and quarter resolution are trained too.
    pub deep_supervision: bool,
}

impl Default for NnformerConfig {
    fn default() -> Self {
        Self::new(NnformerForm::Synapse, Size::Small)
    }
}

impl NnformerConfig {
    /// A named size of a form. `paper` is the released network.
    pub fn new(form: NnformerForm, size: Size) -> Self {
        let embedding = match (size, form) {
            (Size::Tiny, _) => 24,
            (Size::Small, _) => 48,
            (Size::Paper, NnformerForm::Synapse) => 192,
            (Size::Paper, NnformerForm::Acdc | NnformerForm::Tumor) => 96,
        };
        let heads = match (size, form) {
            (Size::Paper, NnformerForm::Synapse) => [6, 12, 24, 48],
            _ => [3, 6, 12, 24],
        };
        let decoder_heads = match form {
            // One more doubling than the encoder's, as released.
            NnformerForm::Tumor => [heads[1], heads[2], heads[3]],
            NnformerForm::Synapse | NnformerForm::Acdc => [heads[0], heads[1], heads[2]],
        };
        Self {
            form,
            embedding,
            heads,
            decoder_heads,
            windows: form.windows(),
            mlp_ratio: 4,
            drop_path: 0.2,
            index: match size {
                Size::Paper => PositionIndex::Released,
                Size::Tiny | Size::Small => PositionIndex::Distinct,
            },
            deep_supervision: form == NnformerForm::Synapse,
        }
    }

    /// Tokens along each axis at each level.
    fn grids(&self, patch: [usize; 3]) -> [[usize; 3]; LEVELS] {
        let token = self.form.token();
        let mut grid = std::array::from_fn(|axis| patch[axis] / token[axis]);
        std::array::from_fn(|level| {
            if level > 0 {
                grid = self.form.down(level - 1).size(grid);
            }
            grid
        })
    }

    /// The window of a level's attention, and its index's step along each axis.
    fn position_index(&self, patch: [usize; 3], level: usize) -> ([usize; 3], [usize; 3]) {
        let (grids, level) = (self.grids(patch), level.min(LEVELS - 1));
        let window = std::array::from_fn(|axis| grids[level][axis].min(self.windows[level][axis]));
        (window, self.index().strides(window))
    }

    fn index(&self) -> RelativeIndex {
        match self.index {
            PositionIndex::Released => RelativeIndex::NnFormer,
            PositionIndex::Distinct => RelativeIndex::Distinct,
        }
    }

    /// Whether the released index stays within the table of a window of this size.
    fn index_fits(&self, [d, h, w]: [usize; 3]) -> bool {
        let largest = 2 * ((d - 1) * (3 * h - 1) + (h - 1) * (2 * h - 1) + (w - 1));
        largest < (2 * d - 1) * (2 * h - 1) * (2 * w - 1)
    }
}

impl Architecture for NnformerConfig {
    fn backbone(&self) -> Backbone {
        match self.form {
            NnformerForm::Synapse => Backbone::Nnformer,
            NnformerForm::Acdc => Backbone::NnformerAcdc,
            NnformerForm::Tumor => Backbone::NnformerTumor,
        }
    }

    fn patch_rule(&self) -> PatchRule {
        self.form.patch_rule()
    }

    fn token(&self) -> [usize; 3] {
        self.form.token()
    }

    fn scale_weights(&self) -> &'static [f64] {
        if self.deep_supervision {
            &SCALE_WEIGHTS
        } else {
            &[1.0]
        }
    }

    /// For every voxel so many values for each channel of a token and for each head of the first
    /// level; the deeper levels have the same share of both.
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
            swin_block(
                grids[level],
                self.windows[level],
                channels,
                self.mlp_ratio,
                projections,
            )
        };
        let encoder: u64 = (0..LEVELS).map(|level| 2 * block(level, 4)).sum();
        let steps = (0..LEVELS - 1).map(|level| {
            let (channels, kernel) = (full << level, self.form.down(level).kernel);
            let down = conv(
                count(grids[level + 1]),
                channels,
                2 * channels,
                count(kernel),
            );
            let up = conv(count(grids[level]), 2 * channels, channels, 1);
            down + up + block(level, 3) + block(level, 4)
        });
        let voxels = count(patch);
        let heads = (0..self.scale_weights().len())
            .map(|level| conv(voxels >> (3 * level), full << level, classes, 1));
        stem + encoder + steps.sum::<u64>() + heads.sum::<u64>()
    }

    fn check(&self, patch: [usize; 3]) -> Result<(), String> {
        let by_level = (0..LEVELS).map(|level| (level, self.heads[level]));
        let decoder = self.decoder_heads.iter().copied().enumerate();
        for (level, heads) in by_level.chain(decoder) {
            let channels = self.embedding << level;
            if channels == 0 || heads == 0 || !channels.is_multiple_of(heads) {
                return Err(format!(
                    "nnformer cannot split {channels} channels over {heads} heads: make each level's channels a multiple of its heads"
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
            return Err(format!(
                "nnformer's drop_path is {rate}: choose 0 to below 1"
            ));
        }
        for (grid, window) in self.grids(patch).into_iter().zip(self.windows) {
            let window = std::array::from_fn(|axis| grid[axis].min(window[axis]).max(1));
            if self.index == PositionIndex::Released && !self.index_fits(window) {
                return Err(format!(
                    "nnformer's released position index does not fit windows of {window:?} tokens: choose a larger patch, or index = \"distinct\""
                ));
            }
        }
        Ok(())
    }

    fn build(&self, channels: usize, classes: usize, patch: [usize; 3], init: &mut Init) -> Model {
        Model::Nnformer(Nnformer::new(self, channels, classes, patch, init))
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
    const LABELS: &'static [Label] = &[
        Label {
            backbone: Backbone::Nnformer,
            name: "nnformer",
            title: "nnFormer",
            parameters: [2_400_000, 9_400_000, 150_000_000],
            pace: "quick, coarse tokens",
            recipes: RecipeFamily::NnUnet,
            network: |size| of_form(NnformerForm::Synapse, size),
        },
        Label {
            backbone: Backbone::NnformerAcdc,
            name: "nnformer-acdc",
            title: "nnFormer ACDC",
            parameters: [2_400_000, 9_400_000, 37_200_000],
            pace: "quick, coarse tokens",
            recipes: RecipeFamily::NnUnet,
            network: |size| of_form(NnformerForm::Acdc, size),
        },
        Label {
            backbone: Backbone::NnformerTumor,
            name: "nnformer-tumor",
            title: "nnFormer tumour",
            parameters: [2_400_000, 9_400_000, 37_700_000],
            pace: "quick, coarse tokens",
            recipes: RecipeFamily::NnUnet,
            network: |size| of_form(NnformerForm::Tumor, size),
        },
    ];

    const ANCHOR: &'static str = "model_down.patch_embed.proj1.conv1.weight";

    fn is_unused(name: &str) -> bool {
        name.ends_with(INDEX)
    }

    fn recognize(shapes: &Shapes<'_>, untold: &Untold<'_>) -> Result<Recognized, RecognitionError> {
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
        let table = |part: &str, level: usize| {
            format!("{part}.layers.{level}.blocks.0.attn.relative_position_bias_table")
        };
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
        if let Some(Network::Nnformer(expected)) = untold.expected {
            // What leaves no trace in names and shapes.
            config.windows = expected.windows;
            config.drop_path = expected.drop_path;
            config.deep_supervision = expected.deep_supervision;
        }
        Ok(Recognized {
            network: Network::Nnformer(config),
            channels: shapes.side(Self::ANCHOR, 1)?,
            classes: shapes.side("final.0.up.weight", 1)?,
            patch,
            axes: AxisOrder::Zyx,
            assumed: Vec::new(),
        })
    }
}

/// The numbers of a named size of a form.
fn of_form(form: NnformerForm, size: Size) -> Network {
    Network::Nnformer(NnformerConfig::new(form, size))
}
