//! Which network a checkpoint holds; each backbone's file recognizes its own.

use super::WeightsError;
use super::options::ImportOptions;
use super::part::Shapes;
use crate::backbone::{self, Network, RecognitionError, Recognized, Untold};

/// Finds the network that these tensors belong to.
///
/// # Errors
/// When no network here has tensors of these names, or the shapes do not tell its sizes.
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
