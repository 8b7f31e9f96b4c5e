//! Overlap.

use ndarray::{ArrayView3, Zip};

/// Dice of one label, 2·|P∩T| / (|P|+|T|); `None` when both masks are empty.
///
/// # Panics
/// When the arrays have different shapes.
pub fn dice(prediction: ArrayView3<'_, u16>, truth: ArrayView3<'_, u16>, label: u16) -> Option<f64> {
    dice_of_region(prediction, truth, &[label])
}

/// Dice of several labels together, such as a whole tumor; `None` when neither map has any of them.
///
/// # Panics
/// When the arrays have different shapes.
pub fn dice_of_region(prediction: ArrayView3<'_, u16>, truth: ArrayView3<'_, u16>, labels: &[u16]) -> Option<f64> {
    let (mut both, mut sum) = (0u64, 0u64);
    Zip::from(prediction).and(truth).for_each(|p, t| {
        let (p, t) = (labels.contains(p), labels.contains(t));
        both += u64::from(p && t);
        sum += u64::from(p) + u64::from(t);
    });
    (sum > 0).then(|| 2.0 * both as f64 / sum as f64)
}
