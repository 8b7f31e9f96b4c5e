//! How the three released networks differ.

use serde::{Deserialize, Serialize};

use crate::backbone::PatchRule;
use crate::nn::ConvGeometry;

/// Levels of the encoder; the decoder has one less.
pub(super) const LEVELS: usize = 4;

/// A released network, named after the data set that it was made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NnformerForm {
    /// Abdominal CT: tokens of 2×4×4 voxels.
    #[default]
    Synapse,
    /// Cardiac cine MRI with thick slices: tokens of 1×4×4 voxels.
    Acdc,
    /// Brain tumors: tokens of 4×4×4 voxels.
    Tumor,
}

impl NnformerForm {
    /// Voxels of a token.
    pub(super) fn token(self) -> [usize; 3] {
        let [first, second] = self.stem();
        std::array::from_fn(|axis| first[axis] * second[axis])
    }

    /// Strides of the stem's two convolutions that reduce.
    pub(super) fn stem(self) -> [[usize; 3]; 2] {
        match self {
            Self::Synapse => [[2, 2, 2], [1, 2, 2]],
            Self::Acdc => [[1, 2, 2], [1, 2, 2]],
            Self::Tumor => [[2, 2, 2], [2, 2, 2]],
        }
    }

    /// The convolution from `level` to the next coarser one.
    pub(super) fn down(self, level: usize) -> ConvGeometry {
        match (self, level) {
            (Self::Acdc, 0) => ConvGeometry {
                kernel: [1, 3, 3],
                stride: [1, 2, 2],
                padding: [0, 1, 1],
            },
            (Self::Acdc, 2) => ConvGeometry {
                padding: [0, 1, 1],
                ..ConvGeometry::three([2; 3])
            },
            _ => ConvGeometry::three([2; 3]),
        }
    }

    /// Decoder: kernel of the transposed convolution to `level`, and by how much the level exceeds the kernel's blocks.
    pub(super) fn up(self, level: usize) -> ([usize; 3], [usize; 3]) {
        match (self, level) {
            (Self::Acdc, 0) => ([1, 2, 2], [0; 3]),
            (Self::Acdc, 2) => ([2; 3], [1, 0, 0]),
            _ => ([2; 3], [0; 3]),
        }
    }

    /// Windows of the levels in tokens.
    pub(super) fn windows(self) -> [[usize; 3]; LEVELS] {
        match self {
            Self::Synapse | Self::Tumor => [[4; 3], [4; 3], [8; 3], [4; 3]],
            Self::Acdc => [[3, 5, 5], [3, 5, 5], [7, 10, 10], [3, 5, 5]],
        }
    }

    /// Whether attention across the seams of shifted windows is masked.
    pub(super) fn masks_seams(self) -> bool {
        self != Self::Acdc
    }

    /// Patch sizes whose levels match in the decoder.
    pub(super) fn patch_rule(self) -> PatchRule {
        match self {
            Self::Synapse => PatchRule::multiples([16, 32, 32]),
            Self::Tumor => PatchRule::multiples([32; 3]),
            // The coarsest level needs an odd number of slices above it.
            Self::Acdc => PatchRule {
                smallest: [6, 32, 32],
                step: [4, 32, 32],
            },
        }
    }
}
