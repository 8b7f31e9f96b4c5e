//! What a checkpoint does not tell about its network, and the caller must.

use crate::backbone::{Merging, Network};
use crate::transform::Normalization;
use crate::volume::AxisOrder;

/// What the tensors of a checkpoint do not tell.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportOptions {
    /// The patch `[depth, height, width]` in voxels; by default the reference's, or a cube if the number of tokens
    /// allows one.
    pub patch: Option<[usize; 3]>,
    /// UNETR's attention heads; by default one for every 64 channels.
    pub heads: Option<usize>,
    /// SwinUNETR's patch merging; by default that of the published weights.
    pub merging: Merging,
    /// Anatomical axis order of the network; by default the reference's.
    pub axes: Option<AxisOrder>,
    /// How intensities were normalized in training.
    pub normalization: Normalization,
    /// Number of input channels, if it should differ from the file's.
    pub channels: Option<usize>,
    /// Number of classes, background included; if it differs from the file's, the last layer is new.
    pub classes: Option<usize>,
    /// Names of the classes in order, without background; by default "label 1" and so on.
    pub names: Vec<String>,
    /// Which network of the file, by where it lies ([`Imported::place`](super::Imported::place)); by default the
    /// trained one, rather than its average or teacher.
    pub part: Option<String>,
    /// The network that the weights are for, if known. It tells what nothing else does.
    pub expected: Option<Network>,
}

impl ImportOptions {
    /// The place of a cascade's first stage in a file of this program.
    pub(super) const FIRST_STAGE: &'static str = "coarse";

    /// The first stage of a cascade.
    pub(super) fn first_stage() -> Self {
        Self {
            part: Some(Self::FIRST_STAGE.to_owned()),
            ..Self::default()
        }
    }
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
