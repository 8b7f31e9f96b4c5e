//! Dice plus cross entropy, as MONAI 1.5's `DiceCELoss(softmax=True, to_onehot_y=True)`.

use burn::tensor::activation::log_sigmoid;
use burn::tensor::{FloatDType, Tensor};
use serde::{Deserialize, Serialize};

use super::function::{Activation, Loss};
use super::target::Target;
use crate::nn::kernel::{DiceOfSums, class_sums, dice_of_sums};

/// Dice plus cross entropy. The default is MedContext's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiceCe {
    /// Turns logits into probabilities. With a sigmoid, cross entropy is binary and also averaged over classes.
    pub activation: Activation,
    /// Whether Dice includes the background class. Cross entropy always does.
    pub background: bool,
    /// Whether the Dice denominator squares the probabilities.
    pub squared: bool,
    /// Whether Dice pools the batch before the ratio is taken.
    pub batch: bool,
    /// Added to the Dice numerator.
    pub smooth_numerator: f64,
    /// Added to the Dice denominator.
    pub smooth_denominator: f64,
    /// Weight of Dice.
    pub dice_weight: f64,
    /// Weight of cross entropy.
    pub ce_weight: f64,
}

impl Default for DiceCe {
    fn default() -> Self {
        Self {
            activation: Activation::Softmax,
            background: true,
            squared: true,
            batch: false,
            smooth_numerator: 0.0,
            smooth_denominator: 1e-6,
            dice_weight: 1.0,
            ce_weight: 1.0,
        }
    }
}

impl DiceCe {
    /// nnU-Net's, with which nnFormer trains: no background in Dice, no squares, smoothed by 1e-5;
    /// `batch` pools Dice over the batch (Synapse). nnU-Net minimizes −Dice, which is less by 1.
    pub fn nnunet(batch: bool) -> Self {
        Self {
            background: false,
            squared: false,
            batch,
            smooth_numerator: 1e-5,
            smooth_denominator: 1e-5,
            ..Self::default()
        }
    }

    /// Dice of overlapping regions, with which MONAI's SwinUNETR trains on BraTS: a sigmoid, no cross
    /// entropy.
    pub fn regions() -> Self {
        Self {
            activation: Activation::Sigmoid,
            squared: false,
            smooth_numerator: 1e-5,
            smooth_denominator: 1e-5,
            ce_weight: 0.0,
            ..Self::default()
        }
    }

    /// With a sigmoid: sums over voxels of p·y, of p (or p²) and of the binary cross entropy, `[batch, class, 1]` each.
    fn sigmoid_sums(&self, logits: Tensor<3>, target: &Target) -> [Tensor<3>; 3] {
        let log_p = log_sigmoid(logits.clone());
        // log(1 − σ(z)) = log σ(z) − z.
        let outside = log_p.clone() - logits;
        let ce = outside.clone() + target.one_hot.clone() * (log_p.clone() - outside);
        let p = log_p.exp();
        let overlap = p.clone() * target.one_hot.clone();
        let size = if self.squared { p.powi_scalar(2) } else { p };
        let [overlap, size, ce] = [overlap, target.masked(size), target.masked(ce)].map(|terms| terms.sum_dim(2));
        [overlap, size, ce.neg()]
    }
}

impl Loss for DiceCe {
    fn activation(&self) -> Activation {
        self.activation
    }

    fn pools_batch(&self) -> bool {
        self.batch
    }

    /// A class that a sample lacks counts as Dice 0 when the numerator is not smoothed: a constant
    /// without gradient.
    ///
    /// Ignored voxels are left out as in nnU-Net 2: cross entropy is the mean over the other voxels of the batch, and
    /// the sums of Dice are over them alone. A sample without any counts as one whose Dice is 1. (nnU-Net's binary
    /// cross entropy is summed over regions once there is an ignore label; here it is their mean in either case.)
    fn forward(&self, logits: Tensor<5>, target: &Target) -> Tensor<1> {
        let [batch, classes, d, h, w] = logits.dims();
        let voxels = d * h * w;
        let logits = logits.reshape([batch, classes, voxels]).cast(FloatDType::F32);
        let (sums, terms) = match self.activation {
            Activation::Softmax => {
                let truth = target.one_hot.clone();
                (class_sums(logits, truth, self.squared, target.known.is_some()), 1)
            }
            Activation::Sigmoid => (Tensor::cat(self.sigmoid_sums(logits, target).to_vec(), 2), classes),
        };
        let known = target.known.as_ref().map(|known| known.count.clone());
        let numbers = DiceOfSums {
            background: self.background,
            batch: self.batch,
            smooth: [self.smooth_numerator, self.smooth_denominator],
            weights: [self.dice_weight, self.ce_weight],
            voxels,
            terms,
        };
        dice_of_sums(sums, target.count.clone(), known, numbers)
    }
}
