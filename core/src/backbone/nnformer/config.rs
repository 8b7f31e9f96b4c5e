//! The numbers of nnFormer.

use serde::{Deserialize, Serialize};

use super::form::{LEVELS, NnformerForm};
use crate::backbone::Size;
use crate::nn::RelativeIndex;

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
    /// Which of the released networks; determines token size and the strides between levels.
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
    /// Stochastic depth: the probability of dropping the last block's branches in training; it rises from 0.
    pub drop_path: f64,
    /// How positions index the tables.
    pub index: PositionIndex,
    /// Deep supervision: whether the outputs at half and quarter resolution are trained too.
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
    pub(super) fn grids(&self, patch: [usize; 3]) -> [[usize; 3]; LEVELS] {
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
    pub(super) fn position_index(&self, patch: [usize; 3], level: usize) -> ([usize; 3], [usize; 3]) {
        let (grids, level) = (self.grids(patch), level.min(LEVELS - 1));
        let window = std::array::from_fn(|axis| grids[level][axis].min(self.windows[level][axis]));
        (window, self.index().strides(window))
    }

    pub(super) fn index(&self) -> RelativeIndex {
        match self.index {
            PositionIndex::Released => RelativeIndex::NnFormer,
            PositionIndex::Distinct => RelativeIndex::Distinct,
        }
    }

    /// Whether the released index stays within the table of a window of this size.
    pub(super) fn index_fits(&self, [d, h, w]: [usize; 3]) -> bool {
        let largest = 2 * ((d - 1) * (3 * h - 1) + (h - 1) * (2 * h - 1) + (w - 1));
        largest < (2 * d - 1) * (2 * h - 1) * (2 * w - 1)
    }
}
