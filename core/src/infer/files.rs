//! What a segmentation is saved as: the same names and contents from the command line and from the page.

use ndarray::Array4;
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, TensorView, serialize};

/// How the name of a map of uncertainty ends, before `.nii.gz`; it lies beside the label map it belongs to.
pub const UNCERTAINTY_SUFFIX: &str = "_uncertainty";

/// How the name of a label map ends, after the case's.
pub const SEGMENTATION_ENDING: &str = ".nii.gz";
/// How the name of a map of uncertainty ends.
pub const UNCERTAINTY_ENDING: &str = "_uncertainty.nii.gz";
/// How the name of a file of logits ends.
pub const LOGITS_ENDING: &str = ".logits.safetensors";

/// The file name of a case's label map.
pub fn segmentation_name(case: &str) -> String {
    format!("{case}{SEGMENTATION_ENDING}")
}

/// The file name of what says how uncertain a case's label map is.
pub fn uncertainty_name(case: &str) -> String {
    format!("{case}{UNCERTAINTY_ENDING}")
}

/// The file name of a case's logits.
pub fn logits_name(case: &str) -> String {
    format!("{case}{LOGITS_ENDING}")
}

/// Logits `[class, depth, height, width]` as a safetensors file with the one tensor `logits`, in F32.
///
/// # Errors
/// When they cannot be written in that format.
pub fn logits_file(logits: &Array4<f32>) -> Result<Vec<u8>, SafeTensorError> {
    let values = logits.iter().flat_map(|value| value.to_le_bytes());
    let bytes: Vec<u8> = values.collect();
    let view = TensorView::new(Dtype::F32, logits.shape().to_vec(), &bytes)?;
    serialize([("logits", view)], None)
}
