//! Stochastic depth.

use burn::module::Module;
use burn::tensor::{Distribution, Tensor};

/// Drops a residual branch with probability `rate`, for each sample of a batch independently; kept branches are scaled
/// by `1 / (1 − rate)`.
///
/// Huang et al., "Deep Networks with Stochastic Depth" (arXiv 1603.09382). It only acts on an autodiff device, so the
/// teacher, validation and prediction use every branch.
#[derive(Module, Debug)]
pub struct DropPath {
    rate: f64,
}

impl DropPath {
    /// Drops with probability `rate`, 0 to below 1.
    pub fn new(rate: f64) -> Self {
        Self { rate }
    }

    /// `branch` `[batch, …]`, some samples of it zero.
    pub fn forward<const D: usize>(&self, branch: Tensor<D>) -> Tensor<D> {
        let device = branch.device();
        if self.rate == 0.0 || !device.is_autodiff() {
            return branch;
        }
        let mut shape = [1; D];
        shape[0] = branch.dims()[0];
        let keep = 1.0 - self.rate;
        let kept: Tensor<D> = Tensor::random(shape, Distribution::Bernoulli(keep), &device);
        let kept = (kept / keep).cast(branch.dtype());
        branch * kept
    }
}

/// The rates of `count` blocks: from 0 to `last` in equal steps.
pub(crate) fn drop_rates(last: f64, count: usize) -> Vec<f64> {
    let steps = count.saturating_sub(1).max(1) as f64;
    (0..count).map(|i| last * i as f64 / steps).collect()
}
