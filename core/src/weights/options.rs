//! What a checkpoint does not say of its network, and whoever reads it does.

use crate::backbone::{Merging, Network};
use crate::transform::Normalization;
use crate::volume::AxisOrder;

/// What the tensors of a checkpoint do not tell.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportOptions {
    /// The patch `[depth, height, width]` in voxels; by default the reference's, or a cube where the
    /// number of tokens makes one.
    pub patch: Option<[usize; 3]>,
    /// UNETR's attention heads; by default one for every 64 channels.
    pub heads: Option<usize>,
    /// SwinUNETR's patch merging; by default that of the published weights.
    pub merging: Merging,
    /// Which anatomical axes the network's are; by default the reference's.
    pub axes: Option<AxisOrder>,
    /// How intensities were normalized in training.
    pub normalization: Normalization,
    /// Input channels that the network is to have instead of the file's.
    pub channels: Option<usize>,
    /// Classes that the network is to have, background included; another number than the file's gets
    /// a new last layer.
    pub classes: Option<usize>,
    /// Names of the classes in their order, background left out; by default "label 1" and so on.
    pub names: Vec<String>,
    /// Which network of the file, by where it lies ([`Imported::place`](super::Imported::place)); by default the
    /// one that was trained, rather than an average or a teacher of it.
    pub part: Option<String>,
    /// The network that is to take the weights, where it is known. It tells what nothing else does.
    pub expected: Option<Network>,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            patch: None,
            heads: None,
            merging: Merging::Legacy,
            axes: None,
            normalization: Normalization::ZScore,
            channels: None,
            classes: None,
            names: Vec::new(),
            part: None,
            expected: None,
        }
    }
}
