//! The numbers of SwinUNETR.

use serde::{Deserialize, Serialize};

use crate::backbone::Size;
use crate::nn::{Merging, WindowGrid};

/// Side of a token in voxels.
pub(super) const TOKEN: usize = 2;

/// Stages of the transformer; each halves the grid.
pub(super) const STAGES: usize = 4;

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

    /// Attention scores of one block of a stage: for every head and every token of the windows, the
    /// padding's included, one with each token of its window.
    pub(super) fn scores(&self, stage: usize, patch: [usize; 3]) -> f64 {
        let grid = patch.map(|side| (side / TOKEN) >> stage);
        let windows = WindowGrid::new(grid, [self.window; 3], false);
        (self.heads[stage] * windows.windows() * windows.tokens().pow(2)) as f64
    }
}
