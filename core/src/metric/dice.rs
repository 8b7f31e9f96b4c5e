//! Overlap.

use ndarray::{ArrayView3, Zip};

/// Dice of one label, 2·|P∩T| / (|P|+|T|); `None` when both masks are empty.
///
/// # Panics
/// When the arrays have different shapes.
pub fn dice(
    prediction: ArrayView3<'_, u16>,
    truth: ArrayView3<'_, u16>,
    label: u16,
) -> Option<f64> {
    let (mut both, mut sum) = (0u64, 0u64);
    Zip::from(prediction).and(truth).for_each(|&p, &t| {
        both += u64::from(p == label && t == label);
        sum += u64::from(p == label) + u64::from(t == label);
    });
    (sum > 0).then(|| 2.0 * both as f64 / sum as f64)
}
