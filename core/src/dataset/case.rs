//! The images of a case and its label map, checked against each other.

use super::{DatasetError, Result, Role};
use crate::volume::{Image, LabelImage, SAME_GRID_VOXELS};

/// An image of one channel or more, perhaps with its labels.
#[derive(Debug, Clone)]
pub struct Case {
    /// Name of the case.
    pub id: String,
    /// The image, or its first channel.
    pub image: Image,
    /// The second channel and those after it, on the first one's grid (BraTS has four contrasts).
    pub other_channels: Vec<Image>,
    /// Its label map.
    pub label: Option<LabelImage>,
    warnings: Vec<String>,
}

impl Case {
    /// Puts an image and its label map together.
    ///
    /// # Errors
    /// When the label map has another shape or holds only background.
    pub fn new(id: impl Into<String>, image: Image, label: Option<LabelImage>) -> Result<Case> {
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
            other_channels: Vec::new(),
            label,
            warnings,
        })
    }

    /// Adds channels after the first.
    ///
    /// # Errors
    /// When one has another shape than the first.
    pub fn with_channels(mut self, others: Vec<Image>) -> Result<Case> {
        for (index, other) in others.iter().enumerate() {
            let channel = index + 2;
            if other.grid().dims != self.image.grid().dims {
                return Err(DatasetError::ChannelShape {
                    case: self.id,
                    channel,
                    found: size(other.grid().dims),
                    first: size(self.image.grid().dims),
                });
            }
            let distance = self.image.grid().corner_distance(other.grid());
            if distance >= SAME_GRID_VOXELS {
                self.warnings.push(format!(
                    "channel {channel} lies {distance:.1} voxels apart from the first by its header; they are matched voxel by voxel"
                ));
            }
            let own = other.warnings().iter();
            self.warnings
                .extend(own.map(|warning| format!("channel {channel}: {warning}")));
        }
        self.other_channels = others;
        Ok(self)
    }

    /// All channels, in order.
    pub fn images(&self) -> Vec<&Image> {
        std::iter::once(&self.image)
            .chain(&self.other_channels)
            .collect()
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

fn size(dims: [usize; 3]) -> String {
    dims.map(|size| size.to_string()).join("×")
}

fn check(id: &str, image: &Image, label: &LabelImage) -> Result<()> {
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
