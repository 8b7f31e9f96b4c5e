//! One image and its label map, checked against each other.

use super::{DatasetError, Role};
use crate::volume::{Image, LabelImage, SAME_GRID_VOXELS};

/// An image, perhaps with its labels.
#[derive(Debug, Clone)]
pub struct Case {
    /// Name of the case.
    pub id: String,
    /// The image.
    pub image: Image,
    /// Its label map.
    pub label: Option<LabelImage>,
    warnings: Vec<String>,
}

impl Case {
    /// Puts an image and its label map together.
    ///
    /// # Errors
    /// When the label map has another shape or holds only background.
    pub fn new(
        id: impl Into<String>,
        image: Image,
        label: Option<LabelImage>,
    ) -> Result<Case, DatasetError> {
        let id = id.into();
        let mut warnings = image.warnings().to_vec();
        if let Some(label) = &label {
            check(&id, &image, label)?;
            warnings.extend(
                label
                    .warnings()
                    .iter()
                    .map(|warning| format!("label map: {warning}")),
            );
            let distance = image.grid().corner_distance(label.grid());
            if distance >= SAME_GRID_VOXELS {
                warnings.push(format!(
                    "image and label map lie {distance:.1} voxels apart by their headers; they are matched voxel by voxel, look at the overlay"
                ));
            }
        }
        Ok(Case {
            id,
            image,
            label,
            warnings,
        })
    }

    /// Train with a label, predict without.
    pub fn role(&self) -> Role {
        Role::of(self.label.is_some())
    }

    /// What is odd about the files and how they are read, one sentence each: grids that do not lie on
    /// each other, rounded labels, and what the volumes themselves reported.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

fn check(id: &str, image: &Image, label: &LabelImage) -> Result<(), DatasetError> {
    let size = |dims: [usize; 3]| dims.map(|size| size.to_string()).join("×");
    if image.grid().dims != label.grid().dims {
        return Err(DatasetError::LabelShape {
            case: id.to_owned(),
            label: size(label.grid().dims),
            image: size(image.grid().dims),
        });
    }
    if label.labels().iter().all(|&label| label == 0) {
        return Err(DatasetError::OnlyBackground {
            case: id.to_owned(),
        });
    }
    Ok(())
}
