//! Files of a segmentation: the same names and contents from the command line and from the page.

use ndarray::Array4;
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, TensorView, serialize};

use super::Uncertainty;
use crate::file_names::fitting;
use crate::volume::{LabelImage, gzip, gzip_fast};

/// Ending of a label map's file name, after the case's name.
pub const SEGMENTATION_ENDING: &str = ".nii.gz";
/// Ending of an uncertainty map's file name.
pub const UNCERTAINTY_ENDING: &str = "_uncertainty.nii.gz";
/// Ending of the file name of a map of an ensemble's disagreement.
pub const DISAGREEMENT_ENDING: &str = "_disagreement.nii.gz";
/// Ending of an uncertainty map's file name without the ending of all volumes.
pub const UNCERTAINTY_SUFFIX: &str = "_uncertainty";
/// The same of a map of an ensemble's disagreement.
pub const DISAGREEMENT_SUFFIX: &str = "_disagreement";
/// Ending of the file name of logits.
pub const LOGITS_ENDING: &str = ".logits.safetensors";

/// The file name of a case's label map.
pub fn segmentation_name(case: &str) -> String {
    fitting(case, SEGMENTATION_ENDING)
}

/// The file name of a case's logits.
pub fn logits_name(case: &str) -> String {
    fitting(case, LOGITS_ENDING)
}

/// A label map as a `.nii.gz` file.
pub fn label_file(labels: &LabelImage) -> Vec<u8> {
    gzip(&labels.to_nifti())
}

/// An uncertainty map as a `.nii.gz` file: values from 0 to 1.
pub fn uncertainty_file(uncertainty: &Uncertainty) -> Vec<u8> {
    gzip_fast(&uncertainty.map.to_nifti())
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
