//! The names of a session's files, in the browser's storage and in an archive.

use medcontext_core::infer::SEGMENTATION_ENDING;

/// [`Saved`](super::Saved), as JSON.
pub const SESSION: &str = "session.json";
/// The current weights.
pub const WEIGHTS: &str = "weights.safetensors";
/// The state of a training run that has not ended.
pub const STATE: &str = "state.safetensors";
/// The user's choices about files (`Choices`), as JSON.
pub const CHOICES: &str = "choices.json";
/// Prefix of the paths of volumes and of dataset.json, as they were dropped.
pub const CASES: &str = "cases/";

/// The name of a volume or of dataset.json, by its path.
pub fn volume(path: &str) -> String {
    format!("{CASES}{path}")
}

/// The name of a case's segmentation.
pub fn segmentation(case: &str) -> String {
    format!("segmentations/{case}{SEGMENTATION_ENDING}")
}

/// The name of a case's uncertainty map.
pub fn uncertainty(case: &str) -> String {
    format!("uncertainty/{case}{SEGMENTATION_ENDING}")
}
