//! What follows from the hyperparameters of any network.

use burn::tensor::Device;

use super::encoder::EncoderShape;
use super::patch_rule::PatchRule;
use super::reference::ReferenceTensor;
use super::{Model, Network};
use crate::nn::Init;

/// Memory of the program itself in bytes.
const PROGRAM: u64 = 45_000_000;

/// What a training step holds in memory at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepFootprint {
    /// Copies of the parameters and of everything as large: gradients, moments, an EMA teacher.
    pub copies: usize,
    /// Forward passes whose activations are kept for the backward pass.
    pub views: usize,
}

impl Network {
    /// The patch sizes that it accepts.
    pub fn patch_rule(&self) -> PatchRule {
        self.architecture().patch_rule()
    }

    /// Tokens along each axis of a patch: the grid on which masks are drawn.
    pub fn token_grid(&self, patch: [usize; 3]) -> [usize; 3] {
        let token = self.architecture().token();
        std::array::from_fn(|axis| patch[axis].div_ceil(token[axis]))
    }

    /// Whether a sample's logits depend on the others of its batch while it trains (batch norm).
    pub fn mixes_samples(&self) -> bool {
        self.architecture().mixes_samples()
    }

    /// What its encoder is like; `None` where it cannot be pretrained.
    pub fn encoder(&self) -> Option<EncoderShape> {
        self.architecture().encoder()
    }

    /// Weight of each output scale in the loss, finest first; more than one with deep supervision.
    pub fn scale_weights(&self) -> &'static [f64] {
        self.architecture().scale_weights()
    }

    /// Estimated memory of a training step in bytes: `copies` of the parameters (themselves, gradients, two
    /// moments and perhaps a teacher), and the activations that the backward pass of `views` passes keeps.
    pub fn training_bytes(
        &self,
        parameters: usize,
        patch: [usize; 3],
        batch: usize,
        StepFootprint { copies, views }: StepFootprint,
    ) -> u64 {
        let values = (views * batch) as f64 * self.architecture().training_values(patch);
        PROGRAM + 4 * ((copies * parameters) as u64 + values as u64)
    }

    /// Estimated memory in bytes while one patch is segmented: the weights file beside the parameters
    /// that are made from it, and the activations.
    pub fn inference_bytes(&self, parameters: usize, patch: [usize; 3]) -> u64 {
        let values = self.architecture().inference_values(patch);
        PROGRAM + 4 * (2 * parameters as u64 + values as u64)
    }

    /// Bytes of the largest tensor of a pass over `batch` patches in f32, counting what blocks keep. On a GPU this
    /// includes attention scores.
    pub fn largest_tensor_bytes(&self, patch: [usize; 3], batch: usize) -> u64 {
        4 * batch as u64 * self.architecture().largest_values(patch) as u64
    }

    /// Multiplications with addition of one forward pass over one patch, as PyTorch's flop counter
    /// counts them (half of its FLOPs): products and convolutions.
    pub fn multiply_adds(&self, channels: usize, classes: usize, patch: [usize; 3]) -> u64 {
        self.architecture().multiply_adds(channels, classes, patch)
    }

    /// Why there can be no network with these numbers for `patch`: one sentence.
    pub fn check(&self, patch: [usize; 3]) -> Result<(), String> {
        let rule = self.patch_rule();
        if !rule.fits(patch) {
            let backbone = self.backbone();
            return Err(format!("a patch of {patch:?} voxels does not fit {backbone}: {rule}"));
        }
        self.architecture().check(patch)
    }

    /// Builds the network with `channels` input and `classes` output channels, initialized from `seed`.
    pub fn build(&self, channels: usize, classes: usize, patch: [usize; 3], seed: u64, device: &Device) -> Model {
        let mut init = Init::new(seed, device);
        self.layers(channels, classes, patch, &mut init)
    }

    /// The options of `core convert` for what a checkpoint of this network alone does not tell.
    pub(crate) fn untold_options(&self) -> &'static str {
        self.architecture().untold_options()
    }

    /// What the reference implementation's `state_dict()` holds beside `parameters`, given by their reference
    /// names, in a network for `patch`.
    pub(crate) fn reference_tensors(&self, parameters: &[String], patch: [usize; 3]) -> Vec<ReferenceTensor> {
        self.architecture().reference_tensors(parameters, patch)
    }
}
