//! Dice plus cross entropy, as MONAI 1.5's `DiceCELoss(softmax=True, to_onehot_y=True)`.

use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::nn::class_sums;

/// The true labels of a batch.
#[derive(Clone, Debug)]
pub struct Target {
    /// One-hot `[batch, class, voxel]`.
    one_hot: Tensor<3>,
    /// Sum over voxels of the one-hot classes, `[batch, class, 1]`.
    count: Tensor<3>,
}

impl Target {
    /// From class indices, row-major `[batch, d, h, w]`; `classes` counts the background.
    pub fn new(labels: Vec<u8>, batch: usize, classes: usize, device: &Device) -> Self {
        let voxels = labels.len() / batch.max(1);
        let labels: Vec<i32> = labels.into_iter().map(i32::from).collect();
        let labels = TensorData::new(labels, [batch, 1, voxels]);
        let labels = Tensor::<3, Int>::from_data(labels, device).expand([batch, classes, voxels]);
        let class = Tensor::<1, Int>::arange(0..classes as i64, device)
            .reshape([1, classes, 1])
            .expand([batch, classes, voxels]);
        let one_hot = labels.equal(class).float();
        Self {
            count: one_hot.clone().sum_dim(2),
            one_hot,
        }
    }

    /// From classes that may overlap, row-major `[batch, class, d, h, w]`, 0 or 1: the regions of a
    /// tumour, for a loss with a sigmoid.
    pub fn regions(inside: Vec<u8>, batch: usize, classes: usize, device: &Device) -> Self {
        let voxels = inside.len() / (batch * classes).max(1);
        let inside: Vec<f32> = inside.into_iter().map(f32::from).collect();
        let one_hot =
            Tensor::<3>::from_data(TensorData::new(inside, [batch, classes, voxels]), device);
        Self {
            count: one_hot.clone().sum_dim(2),
            one_hot,
        }
    }

    /// The same labels on a coarser grid, as nnU-Net resizes them by order 0 of scikit-image: a coarse
    /// voxel's centre falls between fine voxels where the block has an even side, and the one after it is
    /// taken: the second of two, the third of four.
    fn coarser(&self, fine: [usize; 3], coarse: [usize; 3]) -> Self {
        let [batch, classes, _] = self.one_hot.dims();
        let [d, h, w] = coarse;
        let step: [usize; 3] = std::array::from_fn(|axis| fine[axis] / coarse[axis]);
        let one_hot = self
            .one_hot
            .clone()
            .reshape([batch * classes, d, step[0], h, step[1], w, step[2]])
            .narrow(2, step[0] / 2, 1)
            .narrow(4, step[1] / 2, 1)
            .narrow(6, step[2] / 2, 1)
            .reshape([batch, classes, d * h * w]);
        Self {
            count: one_hot.clone().sum_dim(2),
            one_hot,
        }
    }
}

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

/// Options of the loss. The default is the one that MedContext trains with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiceCe {
    /// What turns logits into probabilities. With a sigmoid, cross entropy is binary, and its mean is
    /// over classes too.
    pub activation: Activation,
    /// Whether Dice counts the background class. Cross entropy always does.
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
    /// Weight of each scale of a network's output, the finest first (deep supervision). The network's
    /// own, not a setting.
    #[serde(skip, default = "one_scale")]
    pub scale_weights: &'static [f64],
}

fn one_scale() -> &'static [f64] {
    &[1.0]
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
            scale_weights: one_scale(),
        }
    }
}

impl DiceCe {
    /// nnU-Net's, with which nnFormer trains: no background in Dice, no squares, smoothed by 1e-5;
    /// `batch` pools Dice over the batch (Synapse). nnU-Net minimises −Dice, which is less by 1.
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

    /// Loss `[1]` of `logits` `[batch, class, d, h, w]`.
    ///
    /// A class that a sample lacks counts as Dice 0 when the numerator is not smoothed: a constant
    /// without gradient.
    pub fn forward(&self, logits: Tensor<5>, target: &Target) -> Tensor<1> {
        let [batch, classes, d, h, w] = logits.dims();
        let voxels = d * h * w;
        let logits = logits
            .reshape([batch, classes, voxels])
            .cast(FloatDType::F32);
        let [overlap, size, ce] = match self.activation {
            Activation::Softmax => {
                let sums = class_sums(logits, target.one_hot.clone(), self.squared);
                let [overlap, size, ce] = [0, 1, 2].map(|index| sums.clone().narrow(2, index, 1));
                [overlap, size, ce / (batch * voxels) as f64]
            }
            Activation::Sigmoid => {
                let log_p = log_sigmoid(logits.clone());
                // log(1 − σ(z)) = log σ(z) − z.
                let outside = log_p.clone() - logits;
                let ce = outside.clone() + target.one_hot.clone() * (log_p.clone() - outside);
                let p = log_p.exp();
                let overlap = p.clone() * target.one_hot.clone();
                let size = if self.squared { p.powi_scalar(2) } else { p };
                let [overlap, size, ce] = [overlap, size, ce].map(|terms| terms.sum_dim(2));
                [overlap, size, ce.neg() / (batch * classes * voxels) as f64]
            }
        };
        let ce = ce.sum();
        let (overlap, size) = self.select(overlap, size + target.count.clone());
        let dice = (overlap * 2.0 + self.smooth_numerator) / (size + self.smooth_denominator);
        let dice = dice.mean().neg() + 1.0;

        dice * self.dice_weight + ce * self.ce_weight
    }

    /// Weighted sum over the scales of an output, the finest first, `[1]`. A coarser scale is compared
    /// with every second (fourth) label along its axes, those that nnU-Net takes with order 0.
    pub fn forward_scales(&self, logits: &[Tensor<5>], target: &Target) -> Tensor<1> {
        let size = |x: &Tensor<5>| {
            let [_, _, d, h, w] = x.dims();
            [d, h, w]
        };
        let fine = logits.first().map_or([0; 3], size);
        let terms = logits.iter().zip(self.scale_weights).map(|(x, &weight)| {
            let loss = if size(x) == fine {
                self.forward(x.clone(), target)
            } else {
                self.forward(x.clone(), &target.coarser(fine, size(x)))
            };
            loss * weight
        });
        terms
            .reduce(|sum, term| sum + term)
            .unwrap_or_else(|| target.count.zeros_like().sum())
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
