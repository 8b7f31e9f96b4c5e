//! The traits that each backbone's file implements for its hyperparameters and its layers.

use burn::tensor::Tensor;

use super::encoder::{Encoder, EncoderShape};
use super::patch_rule::PatchRule;
use super::reference::ReferenceTensor;
use crate::nn::{Init, TokenMask};

/// Values per voxel of a patch that the loss keeps, for three classes.
pub(super) const LOSS: f64 = 26.0;

/// What the hyperparameters of a network determine.
pub(super) trait Architecture {
    /// The layers of the network.
    type Layers: Segmenter
    where
        Self: Sized;

    /// The patch sizes that it accepts.
    fn patch_rule(&self) -> PatchRule;

    /// Voxels of a token along each axis.
    fn token(&self) -> [usize; 3];

    /// What its encoder is like, if self-supervised pretraining can train it.
    fn encoder(&self) -> Option<EncoderShape> {
        None
    }

    /// Deep supervision: the weight of each output scale in the loss, finest first.
    fn scale_weights(&self) -> &'static [f64] {
        &[1.0]
    }

    /// Whether a sample's logits depend on the others of its batch while it trains (batch norm).
    fn mixes_samples(&self) -> bool {
        false
    }

    /// Values that a training pass over a patch keeps for the backward pass, including the loss. Counted in blocks, the
    /// factors fitted to the peaks of runs on a CPU.
    fn training_values(&self, patch: [usize; 3]) -> f64;

    /// Peak number of live values while a patch is segmented, fitted the same way.
    fn inference_values(&self, patch: [usize; 3]) -> f64;

    /// Values of the largest tensor of a pass over a patch, if attention keeps its scores.
    fn largest_values(&self, patch: [usize; 3]) -> f64;

    /// Multiplications with addition of one forward pass over one patch.
    fn multiply_adds(&self, channels: usize, classes: usize, patch: [usize; 3]) -> u64;

    /// Why there can be no network with these numbers for `patch`, which obeys the patch rule: one sentence.
    fn check(&self, patch: [usize; 3]) -> Result<(), String>;

    /// The layers with new parameters.
    fn build(&self, channels: usize, classes: usize, patch: [usize; 3], init: &mut Init) -> Self::Layers
    where
        Self: Sized;

    /// The options of `core convert` for what a checkpoint of this network alone does not tell, in the form of the help
    /// text; may be empty.
    fn untold_options(&self) -> &'static str {
        ""
    }

    /// What the reference implementation's `state_dict()` holds beside `parameters`, given by their reference
    /// names, in a network for `patch`.
    fn reference_tensors(&self, _parameters: &[String], _patch: [usize; 3]) -> Vec<ReferenceTensor> {
        Vec::new()
    }
}

/// The layers of a network.
pub(super) trait Segmenter {
    /// Logits of `x` `[batch, channel, d, h, w]`, unmasked or masked, at up to `scales` of the network's scales, finest
    /// first; at least one.
    fn forward(&self, x: Tensor<5>, mask: Option<&TokenMask>, scales: usize) -> Vec<Tensor<5>>;

    /// Whether a sample's logits depend on the others of its batch while it trains (batch norm).
    fn mixes_samples(&self) -> bool {
        false
    }

    /// The name that the reference implementation gives to the parameter at `path`. The mask token at the top level
    /// only exists here.
    fn reference_name(&self, path: &str) -> String;

    /// Its encoder, if self-supervised pretraining can train it.
    fn encoder(&self) -> Option<&dyn Encoder> {
        None
    }

    /// Prefixes of the reference names of the encoder's parameters.
    fn encoder_prefixes(&self) -> &'static [&'static str] {
        &[]
    }

    /// Prefix of the reference names of parameters whose shape depends on the number of classes.
    fn head_prefix(&self) -> &'static str;

    /// Prefixes of the reference names of parameters whose shape depends on the number of input channels.
    fn input_prefixes(&self) -> &'static [&'static str];
}
