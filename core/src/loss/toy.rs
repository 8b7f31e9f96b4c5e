//! The mean square of the difference between probabilities and classes: a loss for tests.

use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
use serde::{Deserialize, Serialize};

use super::function::{Activation, Loss};
use super::target::Target;
use crate::nn::mean;

/// Adding a loss takes this file and a line in the list.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Toy {
    /// What it is multiplied by.
    pub weight: f64,
}

impl Loss for Toy {
    fn activation(&self) -> Activation {
        Activation::Softmax
    }

    fn forward(&self, logits: Tensor<5>, target: &Target) -> Tensor<1> {
        let [batch, classes, d, h, w] = logits.dims();
        let found = sigmoid(logits.reshape([batch, classes, d * h * w]));
        mean(target.masked((found - target.one_hot.clone()).powi_scalar(2))) * self.weight
    }
}
