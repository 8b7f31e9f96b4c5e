//! Deep supervision: a loss of outputs at several scales.

use burn::tensor::Tensor;

use super::{DiceCe, Loss, SupervisedLoss, Target};

/// A weighted supervised loss of outputs at several scales.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MultiScaleLoss {
    loss: SupervisedLoss,
    weights: &'static [f64],
}

impl MultiScaleLoss {
    /// `weights` are those of the network's output scales, finest first.
    pub fn new(loss: impl Into<SupervisedLoss>, weights: &'static [f64]) -> Self {
        Self {
            loss: loss.into(),
            weights,
        }
    }

    /// Number of scales with a weight.
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

/// The loss of the finest scale alone.
impl From<DiceCe> for MultiScaleLoss {
    fn from(loss: DiceCe) -> Self {
        Self::new(loss, &[1.0])
    }
}
