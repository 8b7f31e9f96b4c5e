//! Dice of labels.

use ndarray::ArrayView3;

use super::Overlap;

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
    Overlap::of(prediction, truth, labels).dice()
}
