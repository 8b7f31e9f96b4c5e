//! How a command ends, and an argument that several commands take.

use crate::Error;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// An error of the library.
    #[error(transparent)]
    Library(#[from] Error),
    /// One sentence: which file, what is wrong, what to do.
    #[error("{0}")]
    Message(String),
    /// Ctrl-C; everything worth keeping is saved.
    #[error("stopped")]
    Interrupted,
    /// Some files could not be used; each has been named already.
    #[error("{failed} of {total} files could not be used; the others are done")]
    Partial { failed: usize, total: usize },
}

/// The result of a command.
pub(super) type Outcome = Result<(), Failure>;

/// Reads the three sides of a patch, "D,H,W".
pub(super) fn sides(text: &str) -> Result<[usize; 3], String> {
    let sides: Option<Vec<usize>> = text.split(',').map(|side| side.trim().parse().ok()).collect();
    sides
        .and_then(|sides| sides.try_into().ok())
        .ok_or_else(|| "a patch needs three sides in voxels: write D,H,W".to_owned())
}
