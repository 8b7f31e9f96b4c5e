//! The traits of a loss.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::target::Target;

/// Turns logits into probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// One class for each voxel.
    #[default]
    Softmax,
    /// Each class independently: overlapping regions.
    Sigmoid,
}

/// A supervised loss.
pub trait Loss {
    /// The activation that turns logits into the probabilities compared with the true classes.
    fn activation(&self) -> Activation;

    /// Whether it is not the mean of the losses of the batch's samples.
    fn pools_batch(&self) -> bool {
        false
    }

    /// Loss `[1]` of `logits` `[batch, class, depth, height, width]`, averaged over the batch. Voxels that the target
    /// [ignores](super::IGNORED) take no part: their logits have no influence and a gradient of 0. Without any other
    /// voxel the loss is 0.
    fn forward(&self, logits: Tensor<5>, target: &Target) -> Tensor<1>;
}
