//! Dice plus cross entropy, as MONAI 1.5's `DiceCELoss(softmax=True, to_onehot_y=True)`.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};

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
}

/// Options of the loss. The default is the one that MedContext trains with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DiceCe {
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
}

impl Default for DiceCe {
    fn default() -> Self {
        Self {
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
    /// Loss `[1]` of `logits` `[batch, class, d, h, w]`.
    ///
    /// A class that a sample lacks counts as Dice 0 when the numerator is not smoothed: a constant
    /// without gradient.
    pub fn forward(&self, logits: Tensor<5>, target: &Target) -> Tensor<1> {
        let [batch, classes, d, h, w] = logits.dims();
        let voxels = d * h * w;
        let log_p = log_softmax(logits.reshape([batch, classes, voxels]), 1);
        let p = log_p.clone().exp();

        let overlap = (p.clone() * target.one_hot.clone()).sum_dim(2);
        let size = if self.squared { p.powi_scalar(2) } else { p }.sum_dim(2);
        let (overlap, size) = self.select(overlap, size + target.count.clone());
        let dice = (overlap * 2.0 + self.smooth_numerator) / (size + self.smooth_denominator);
        let dice = dice.mean().neg() + 1.0;

        let ce = (log_p * target.one_hot.clone()).sum().neg() / (batch * voxels) as f64;
        dice * self.dice_weight + ce * self.ce_weight
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
