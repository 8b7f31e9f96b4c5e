//! nnFormer: a transformer over windows with a convolutional stem, in encoder and decoder.
//!
//! Zhou et al., "nnFormer: Volumetric Medical Image Segmentation via a 3D Transformer"
//! (arXiv 2109.03201), as its authors released it (d48aaeb) in three forms, one for each of their
//! data sets, with MedContext's mask token (6b97c57): tokens are replaced after the stem, so that
//! every skip is masked. Parameter names are the released code's.
//!
//! The quirks that weights depend on are kept: the stem's order convolution, GELU, norm; decoder
//! queries without a projection; skips that are added; ACDC without a mask at the seams of shifted
//! windows; and, for the released sizes, a position index that is not one to one ([`IndexLaw`]).

mod decoder;
mod encoder;
mod form;

use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::cost::{conv, swin_block, volume};
use super::{Architecture, LOSS, Model, PatchRule, Segmenter, Size};
use crate::medcontext::TokenMask;
use crate::nn::{Init, RelativeIndex, TransposedConv3d, WindowGrid};
use decoder::Decoder;
use encoder::Encoder;
pub use form::NnformerForm;

/// Levels of the encoder; the decoder has one less.
const LEVELS: usize = 4;

/// Weights of the outputs at full, half and quarter resolution (nnU-Net's, for three scales).
const SCALE_WEIGHTS: [f64; 3] = [4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0];

/// Which row of the position table belongs to a difference of positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IndexLaw {
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
    pub index: IndexLaw,
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
                Size::Paper => IndexLaw::Released,
                Size::Tiny | Size::Small => IndexLaw::Distinct,
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
    pub(crate) fn position_index(
        &self,
        patch: [usize; 3],
        level: usize,
    ) -> ([usize; 3], [usize; 3]) {
        let (grids, level) = (self.grids(patch), level.min(LEVELS - 1));
        let window = std::array::from_fn(|axis| grids[level][axis].min(self.windows[level][axis]));
        (window, self.index().strides(window))
    }

    fn index(&self) -> RelativeIndex {
        match self.index {
            IndexLaw::Released => RelativeIndex::NnFormer,
            IndexLaw::Distinct => RelativeIndex::Distinct,
        }
    }

    /// Whether the released index stays within the table of a window of this size.
    fn index_fits(&self, [d, h, w]: [usize; 3]) -> bool {
        let largest = 2 * ((d - 1) * (3 * h - 1) + (h - 1) * (2 * h - 1) + (w - 1));
        largest < (2 * d - 1) * (2 * h - 1) * (2 * w - 1)
    }
}

impl Architecture for NnformerConfig {
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
            if self.index == IndexLaw::Released && !self.index_fits(window) {
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
}

/// The network.
#[derive(Module, Debug)]
pub struct Nnformer {
    model_down: Encoder,
    decoder: Decoder,
    /// One for each scale, the finest first; without deep supervision the others stay as they are.
    heads: Vec<TransposedConv3d>,
}

impl Nnformer {
    /// A new network for patches of `patch` voxels.
    pub fn new(
        config: &NnformerConfig,
        channels: usize,
        classes: usize,
        patch: [usize; 3],
        init: &mut Init,
    ) -> Self {
        let token = config.form.token();
        let head = |level: usize, init: &mut Init| {
            TransposedConv3d::new(config.embedding << level, classes, token, true, init)
        };
        let grids = config.grids(patch);
        Self {
            model_down: Encoder::new(config, channels, &grids, init),
            decoder: Decoder::new(config, &grids, init),
            heads: (0..LEVELS - 1).map(|level| head(level, init)).collect(),
        }
    }
}

impl Segmenter for Nnformer {
    fn forward(&self, x: Tensor<5>, mask: Option<&TokenMask>, scales: usize) -> Vec<Tensor<5>> {
        let maps = self.decoder.forward(self.model_down.forward(x, mask));
        let outputs = self.heads.iter().zip(maps).take(scales);
        outputs
            .map(|(head, map)| head.forward(map.permute([0, 4, 1, 2, 3])))
            .collect()
    }

    /// As in the released `state_dict()`.
    fn reference_name(&self, path: &str) -> String {
        let mut name = path.to_owned();
        for (ours, theirs) in [
            (".gamma", ".weight"),
            (".beta", ".bias"),
            (".linear1.", ".fc1."),
            (".linear2.", ".fc2."),
            (".relative_position.table", ".relative_position_bias_table"),
            (".upsample.", ".Upsample."),
            (".cross.", ".blocks.0."),
            (".block.", ".blocks.1."),
            ("model_down.norms.", "model_down.norm"),
        ] {
            name = name.replace(ours, theirs);
        }
        match name
            .strip_prefix("heads.")
            .and_then(|rest| rest.split_once('.'))
        {
            Some((level, parameter)) => format!("final.{level}.up.{parameter}"),
            None => name,
        }
    }

    fn head(&self) -> &'static str {
        "final."
    }

    fn input(&self) -> &'static [&'static str] {
        &["model_down.patch_embed.proj1.conv1.weight"]
    }
}

#[cfg(test)]
mod tests {
    use super::{NnformerConfig, NnformerForm};
    use crate::backbone::{Architecture, Size};

    #[test]
    fn levels_have_the_papers_grids() {
        for (form, patch, grids) in [
            (
                NnformerForm::Synapse,
                [64, 128, 128],
                [[32; 3], [16; 3], [8; 3], [4; 3]],
            ),
            (
                NnformerForm::Acdc,
                [14, 160, 160],
                [[14, 40, 40], [14, 20, 20], [7, 10, 10], [3, 5, 5]],
            ),
            (
                NnformerForm::Tumor,
                [128; 3],
                [[32; 3], [16; 3], [8; 3], [4; 3]],
            ),
        ] {
            let config = NnformerConfig::new(form, Size::Paper);
            assert!(config.patch_rule().fits(patch));
            assert_eq!(config.check(patch), Ok(()));
            assert_eq!(config.grids(patch), grids, "{form:?}");
        }
    }

    #[test]
    fn every_patch_that_fits_comes_back_to_its_own_size() {
        for form in [
            NnformerForm::Synapse,
            NnformerForm::Acdc,
            NnformerForm::Tumor,
        ] {
            let config = NnformerConfig::new(form, Size::Tiny);
            let rule = config.patch_rule();
            for steps in 0..4 {
                let patch = std::array::from_fn(|a| rule.smallest[a] + steps * rule.step[a]);
                let grids = config.grids(patch);
                for level in 0..3 {
                    let (kernel, extra) = form.up(level);
                    let up: [usize; 3] =
                        std::array::from_fn(|a| grids[level + 1][a] * kernel[a] + extra[a]);
                    assert_eq!(up, grids[level], "{form:?} {patch:?}");
                }
            }
        }
    }

    #[test]
    fn the_released_index_is_refused_where_it_leaves_its_table() {
        let released = NnformerConfig::new(NnformerForm::Synapse, Size::Paper);
        assert!(released.check([64, 128, 128]).is_ok());
        let refused = released.check([32, 32, 32]).expect_err("windows of 2×1×1");
        assert!(refused.contains("[2, 1, 1]"), "{refused}");
        let tiny = NnformerConfig::new(NnformerForm::Synapse, Size::Tiny);
        assert!(tiny.check([32, 32, 32]).is_ok());
    }
}
