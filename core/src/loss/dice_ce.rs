//! Dice plus cross entropy, as MONAI 1.5's `DiceCELoss(softmax=True, to_onehot_y=True)`.

use burn::tensor::activation::log_sigmoid;
use burn::tensor::{FloatDType, Tensor};
use serde::{Deserialize, Serialize};

use super::function::{Activation, Loss};
use super::target::Target;
use crate::nn::class_sums;

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

    /// Leaves out the background and pools the batch, as configured; both are `[batch, class, 1]`.
    fn select(&self, overlap: Tensor<3>, size: Tensor<3>) -> (Tensor<3>, Tensor<3>) {
        let classes = overlap.dims()[1];
        let choose = |x: Tensor<3>| {
            let x = if self.background {
                x
            } else {
                x.narrow(1, 1, classes - 1)
            };
            if self.batch { x.sum_dim(0) } else { x }
        };
        (choose(overlap), choose(size))
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
        let ([overlap, size, ce], terms) = match self.activation {
            Activation::Softmax => {
                let sums = class_sums(logits, target.one_hot.clone(), self.squared, target.known.is_some());
                ([0, 1, 2].map(|index| sums.clone().narrow(2, index, 1)), 1)
            }
            Activation::Sigmoid => (self.sigmoid_sums(logits, target), classes),
        };
        let Some(known) = &target.known else {
            let ce = (ce / (batch * terms * voxels) as f64).sum();
            let (overlap, size) = self.select(overlap, size + target.count.clone());
            let dice = (overlap * 2.0 + self.smooth_numerator) / (size + self.smooth_denominator);
            let dice = dice.mean().neg() + 1.0;
            return dice * self.dice_weight + ce * self.ce_weight;
        };
        let counted = known.count.clone().sum().clamp_min(1.0);
        let ce = ce.sum() / (counted * terms as f64);
        let (overlap, size) = self.select(overlap, size + target.count.clone());
        // 1 for a sample (or batch) with voxels that count; one without has no loss, and nothing is divided by 0.
        let found = known.count.clone();
        let found = if self.batch { found.sum_dim(0) } else { found }.clamp_max(1.0);
        let size = size + (found.clone().neg() + 1.0);
        let dice = (overlap * 2.0 + self.smooth_numerator) / (size + self.smooth_denominator);
        let dice = ((dice.neg() + 1.0) * found).mean();
        dice * self.dice_weight + ce * self.ce_weight
    }
}
