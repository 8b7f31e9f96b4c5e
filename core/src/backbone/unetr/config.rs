//! The numbers of UNETR.

use serde::{Deserialize, Serialize};

use crate::backbone::Size;

/// Side of a token in voxels. The decoder doubles four times, so it is fixed.
pub(super) const TOKEN: usize = 16;

/// How a 16³ patch of voxels becomes a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PatchProjection {
    /// A linear layer over the patch's voxels, channels fastest (the paper's networks).
    #[default]
    Perceptron,
    /// A convolution with kernel and stride 16 (MONAI's default since 1.3).
    Conv,
}

/// Architectural numbers of UNETR.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UnetrConfig {
    /// Channels of a token.
    pub hidden: usize,
    /// Channels inside a block's MLP.
    pub mlp: usize,
    /// Attention heads; divides `hidden`.
    pub heads: usize,
    /// Transformer blocks; a multiple of 4. Skips leave after each quarter but the last.
    pub layers: usize,
    /// Channels of the decoder at full resolution; doubles with every level.
    pub feature: usize,
    /// How tokens are made.
    pub projection: PatchProjection,
    /// Convolutions after each up-projection of a skip.
    pub conv_block: bool,
    /// Shortcuts around the pairs of convolutions.
    pub res_block: bool,
}

impl Default for UnetrConfig {
    fn default() -> Self {
        Self::new(Size::Small)
    }
}

impl UnetrConfig {
    /// A named size. `paper` is MedContext's UNETR (feature size 32).
    pub fn new(size: Size) -> Self {
        let (hidden, mlp, heads, feature) = match size {
            Size::Tiny => (96, 384, 6, 8),
            Size::Small => (192, 768, 6, 16),
            Size::Paper => (768, 3072, 12, 32),
        };
        Self {
            hidden,
            mlp,
            heads,
            layers: 12,
            feature,
            projection: PatchProjection::Perceptron,
            conv_block: true,
            res_block: true,
        }
    }
}
