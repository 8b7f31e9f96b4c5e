//! Repairs of a label map that does not fit its image, on request.

use serde::{Deserialize, Serialize};

use super::DatasetError;
use crate::Error;
use crate::volume::{Image, LabelImage, VolumeError};

/// A repair that makes a label map fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fix {
    /// Nearest-neighbor resampling to the image's grid.
    Resample,
    /// Rounding to the nearest integers.
    Round,
}

impl Fix {
    /// The repair for the label map that this error is about, if there is one.
    pub fn of(error: &Error) -> Option<Fix> {
        match error {
            Error::Dataset(DatasetError::LabelElsewhere { .. }) => Some(Fix::Resample),
            Error::Volume {
                source: VolumeError::NotLabels(_),
                ..
            } => Some(Fix::Round),
            _ => None,
        }
    }

    /// The label map in `file`, whose voxels are `found`, repaired for a case's `image`.
    ///
    /// # Errors
    /// When its values cannot be labels, or none of it lies inside the image.
    pub fn repair(self, case: &str, file: &str, found: Image, image: &Image) -> Result<LabelImage, Error> {
        let repaired = match self {
            Fix::Round => LabelImage::rounded(&found),
            Fix::Resample => LabelImage::from_image(found).and_then(|map| map.onto(image)),
        };
        let repaired = repaired.map_err(|source| Error::Volume {
            file: file.to_owned(),
            source,
        })?;
        if self == Fix::Resample && repaired.present().is_empty() {
            let case = case.to_owned();
            return Err(DatasetError::NothingInside { case }.into());
        }
        Ok(repaired)
    }
}
