//! What each backbone's file says of its numbers and of its layers.

use burn::tensor::Tensor;

use super::patch_rule::PatchRule;
use super::reference::ReferenceTensor;
use crate::nn::{Init, TokenMask};

/// Values that the loss of three classes keeps for each voxel of a patch.
pub(super) const LOSS: f64 = 26.0;

/// What the numbers of a network say about it.
pub(super) trait Architecture {
    /// The layers of the network.
    type Layers: Segmenter
    where
        Self: Sized;

    /// The patches that it can take.
    fn patch_rule(&self) -> PatchRule;

    /// Voxels of a token along each axis.
    fn token(&self) -> [usize; 3];

    /// Weight of each scale of the output in the loss, the finest first.
    fn scale_weights(&self) -> &'static [f64] {
        &[1.0]
    }

    /// Values that a training pass over a patch keeps for its gradients, those of the loss included.
    /// Counted in blocks, the factors fitted to the peaks of runs on a CPU.
    fn training_values(&self, patch: [usize; 3]) -> f64;

    /// Values that are alive at once while a patch is segmented, fitted likewise.
    fn inference_values(&self, patch: [usize; 3]) -> f64;

    /// Values of the largest tensor of a pass over a patch, where attention keeps its scores.
    fn largest_values(&self, patch: [usize; 3]) -> f64;

    /// Multiplications with addition of one forward pass over one patch.
    fn multiply_adds(&self, channels: usize, classes: usize, patch: [usize; 3]) -> u64;

    /// Why these numbers cannot make a network for `patch`, which keeps the rule, in one sentence.
    fn check(&self, patch: [usize; 3]) -> Result<(), String>;

    /// The layers with new parameters.
    fn build(&self, channels: usize, classes: usize, patch: [usize; 3], init: &mut Init) -> Self::Layers
    where
        Self: Sized;

    /// The options of `core convert` that tell what only a checkpoint of this network leaves open, in the
    /// form in which help has them; empty where there are none.
    fn untold_options(&self) -> &'static str {
        ""
    }

    /// What the reference implementation's `state_dict()` holds beside `parameters`, given by their reference
    /// names, in a network for `patch`.
    fn reference_tensors(&self, _parameters: &[String], _patch: [usize; 3]) -> Vec<ReferenceTensor> {
        Vec::new()
    }
}

/// What the layers of a network do.
pub(super) trait Segmenter {
    /// Logits of `x` `[batch, channel, d, h, w]`, seen whole or masked, at up to `scales` scales of
    /// those that the network has, the finest first; never none.
    fn forward(&self, x: Tensor<5>, mask: Option<&TokenMask>, scales: usize) -> Vec<Tensor<5>>;

    /// The name that the reference implementation gives to the parameter at `path`. A mask token at the top
    /// level is this program's own.
    fn reference_name(&self, path: &str) -> String;

    /// Reference names of the parameters whose shape depends on the number of classes start so.
    fn head_prefix(&self) -> &'static str;

    /// Reference names of the parameters whose shape depends on the number of input channels start
    /// so.
    fn input_prefixes(&self) -> &'static [&'static str];
}
