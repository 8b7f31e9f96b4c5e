//! What a loss is.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::target::Target;

/// What turns logits into probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// One class for each voxel.
    #[default]
    Softmax,
    /// Each class by itself: regions that overlap.
    Sigmoid,
}

/// What a loss says about itself, and computes.
pub trait Loss {
    /// What turns logits into the probabilities that it compares with the true classes.
    fn activation(&self) -> Activation;

    /// Loss `[1]` of `logits` `[batch, class, depth, height, width]`, averaged over the batch.
    fn forward(&self, logits: Tensor<5>, target: &Target) -> Tensor<1>;
}
