//! Voxels that are not labeled in the truth, where nothing can be measured.

use ndarray::{Array3, Zip};

/// Makes the voxels that have the `ignored` id in the truth background in both maps.
///
/// # Panics
/// When the arrays have different shapes.
pub fn without_ignored(prediction: &mut Array3<u16>, truth: &mut Array3<u16>, ignored: Option<u16>) {
    let Some(ignored) = ignored else { return };
    Zip::from(prediction).and(truth).for_each(|prediction, truth| {
        if *truth == ignored {
            (*prediction, *truth) = (0, 0);
        }
    });
}
