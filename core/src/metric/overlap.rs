//! Voxels that two masks share, and the measures of overlap that follow from them.

use ndarray::{ArrayView3, Zip};

/// Voxels of a label in a prediction and in the truth.
///
/// All measures are undefined when both masks are empty, and 0 when only one is, as medpy has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overlap {
    /// Voxels of the prediction.
    pub predicted: u64,
    /// Voxels of the truth.
    pub truth: u64,
    /// Voxels of both.
    pub both: u64,
}

impl Overlap {
    /// Counts the voxels of several labels together in two maps.
    ///
    /// # Panics
    /// When the arrays have different shapes.
    pub fn of(prediction: ArrayView3<'_, u16>, truth: ArrayView3<'_, u16>, labels: &[u16]) -> Overlap {
        let mut found = Overlap::default();
        Zip::from(prediction).and(truth).for_each(|p, t| {
            let (p, t) = (labels.contains(p), labels.contains(t));
            found.predicted += u64::from(p);
            found.truth += u64::from(t);
            found.both += u64::from(p && t);
        });
        found
    }

    /// 2·|P∩T| / (|P|+|T|).
    pub fn dice(self) -> Option<f64> {
        let sum = self.predicted + self.truth;
        (sum > 0).then(|| 2.0 * self.both as f64 / sum as f64)
    }

    /// Jaccard index, |P∩T| / |P∪T|.
    pub fn iou(self) -> Option<f64> {
        self.share_of(self.predicted + self.truth - self.both)
    }

    /// The share of the prediction that is true, |P∩T| / |P|.
    pub fn precision(self) -> Option<f64> {
        self.share_of(self.predicted)
    }

    /// The share of the truth that is found, |P∩T| / |T|; also called sensitivity.
    pub fn recall(self) -> Option<f64> {
        self.share_of(self.truth)
    }

    fn share_of(self, voxels: u64) -> Option<f64> {
        // Where `voxels` is 0 and a mask is not empty, nothing is shared.
        (self.predicted + self.truth > 0).then(|| self.both as f64 / voxels.max(1) as f64)
    }
}
