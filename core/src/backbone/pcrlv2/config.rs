//! The numbers of PCRLv2's 3D CNN.

use serde::{Deserialize, Serialize};

use crate::backbone::Size;

/// Side of a masked cell in voxels.
pub(super) const CELL: usize = 16;

/// Levels; the grid is halved between them.
pub(super) const LEVELS: usize = 4;

/// Groups of a group norm.
pub(super) const GROUPS: usize = 8;

/// What follows each convolution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormKind {
    /// Group norm with eight groups: the same for any batch, and in training and prediction.
    #[default]
    Group,
    /// Batch norm with running statistics, which the masked view updates too.
    Batch,
}

/// Architectural numbers of PCRLv2's CNN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pcrlv2Config {
    /// Channels of the first convolution; a multiple of 8. Each level doubles them.
    pub width: usize,
    /// What follows each convolution.
    pub norm: NormKind,
    /// Whether the decoder sees the encoder's maps. The released network has no skips; its authors
    /// advise to add them for segmentation.
    pub skip: bool,
}

impl Default for Pcrlv2Config {
    fn default() -> Self {
        Self::new(Size::Small)
    }
}

impl Pcrlv2Config {
    /// A named size. `paper` is the released network, without skips.
    pub fn new(size: Size) -> Self {
        Self {
            width: match size {
                Size::Tiny => 8,
                Size::Small => 16,
                Size::Paper => 32,
            },
            norm: NormKind::Group,
            skip: size != Size::Paper,
        }
    }
}
