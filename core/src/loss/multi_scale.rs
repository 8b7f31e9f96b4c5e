//! A loss of outputs at several scales (deep supervision).

use burn::tensor::Tensor;

use super::{DiceCe, Loss, SupervisedLoss, Target};

/// A supervised loss of outputs at several scales, weighed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MultiScaleLoss {
    loss: SupervisedLoss,
    weights: &'static [f64],
}

impl MultiScaleLoss {
    /// With the weight of each scale of a network's output, the finest first.
    pub fn new(loss: impl Into<SupervisedLoss>, weights: &'static [f64]) -> Self {
        Self {
            loss: loss.into(),
            weights,
        }
    }

    /// How many scales count.
    pub fn scales(&self) -> usize {
        self.weights.len()
    }

    /// Weighted sum `[1]` over the scales of an output, `[batch, class, depth, height, width]` each, the
    /// finest first. A coarser scale is compared with every second (fourth) label along its axes, those
    /// that nnU-Net takes with order 0.
    pub fn forward(&self, logits: &[Tensor<5>], target: &Target) -> Tensor<1> {
        let size = |x: &Tensor<5>| {
            let [_, _, d, h, w] = x.dims();
            [d, h, w]
        };
        let fine = logits.first().map_or([0; 3], size);
        let terms = logits.iter().zip(self.weights).map(|(x, &weight)| {
            let loss = if size(x) == fine {
                self.loss.forward(x.clone(), target)
            } else {
                self.loss.forward(x.clone(), &target.coarser(fine, size(x)))
            };
            loss * weight
        });
        terms
            .reduce(|sum, term| sum + term)
            .unwrap_or_else(|| target.count.zeros_like().sum())
    }
}

/// Of the finest scale alone.
impl From<DiceCe> for MultiScaleLoss {
    fn from(loss: DiceCe) -> Self {
        Self::new(loss, &[1.0])
    }
}
