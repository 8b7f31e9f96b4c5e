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
const CASES: &str = "cases/";
/// Prefix of the names of drawings, whose paths begin with a slash before it.
const DRAWINGS: &str = "drawings/";

/// The name of a volume, of a drawing or of dataset.json, by its path in the library.
pub fn volume(path: &str) -> String {
    match path.strip_prefix('/') {
        Some(drawing) => drawing.to_owned(),
        None => format!("{CASES}{path}"),
    }
}

/// The path in the library of the file with this name, if it belongs there.
pub fn library_path(name: &str) -> Option<String> {
    match name.strip_prefix(CASES) {
        Some(path) => Some(path.to_owned()),
        None => name.starts_with(DRAWINGS).then(|| format!("/{name}")),
    }
}

/// The name of a case's segmentation.
pub fn segmentation(case: &str) -> String {
    format!("segmentations/{case}{SEGMENTATION_ENDING}")
}

/// The name of a case's uncertainty map.
pub fn uncertainty(case: &str) -> String {
    format!("uncertainty/{case}{SEGMENTATION_ENDING}")
}
