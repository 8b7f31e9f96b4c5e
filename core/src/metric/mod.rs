//! Dice, Hausdorff distance and volumes.

mod dice;
mod distance;
mod evaluation;
mod hausdorff;

pub use dice::dice;
pub use distance::squared_distance;
pub use evaluation::{CaseScore, Evaluation, LabelMean, LabelScore};
pub use hausdorff::{Hausdorff, hd95, percentile, surface};

/// What an undefined value (an empty mask) counts as.
///
/// The published numbers differ here: the BTCV test script counts 0, nnFormer's 1 for Dice when both
/// masks are empty, nnU-Net's summary leaves the value out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmptyPolicy {
    /// 0: the worst Dice, but the best distance.
    Zero,
    /// 1.
    One,
    /// NaN: not counted in a mean.
    #[default]
    Nan,
}

impl EmptyPolicy {
    /// `value`, or what an undefined one counts as.
    pub fn resolve(self, value: Option<f64>) -> f64 {
        value.unwrap_or(match self {
            EmptyPolicy::Zero => 0.0,
            EmptyPolicy::One => 1.0,
            EmptyPolicy::Nan => f64::NAN,
        })
    }
}
