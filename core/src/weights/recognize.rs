//! Which network a checkpoint holds; each backbone's file knows its own.

use super::WeightsError;
use super::options::ImportOptions;
use super::part::Shapes;
use crate::backbone::{self, Network, RecognitionError, Recognized, Untold};

/// Finds the network whose tensors these are.
///
/// # Errors
/// When the names are those of no network here, or its sizes cannot be told from the shapes.
pub(super) fn recognize(shapes: &Shapes, options: &ImportOptions) -> Result<Recognized<Network>, WeightsError> {
    let untold = Untold {
        patch: options.patch,
        heads: options.heads,
        merging: options.merging,
        expected: options.expected.as_ref(),
    };
    Ok(backbone::recognize(&backbone::Shapes(shapes), &untold)?)
}

impl From<RecognitionError> for WeightsError {
    fn from(error: RecognitionError) -> Self {
        match error {
            RecognitionError::Missing(name) => Self::Missing(name),
            RecognitionError::Unsuitable(problem) => Self::Unrecognized(problem),
        }
    }
}
