//! The images of a case and its label map, checked against each other.

use super::{DatasetError, Result};
use crate::volume::{Image, LabelImage, Placement};

/// An image of one or more channels, optionally with labels, all on the grid of the first channel.
#[derive(Debug, Clone)]
pub struct Case {
    /// Name of the case.
    pub id: String,
    /// The image, or its first channel.
    pub image: Image,
    /// The second channel and those after it, on the first one's grid (BraTS has four contrasts).
    pub other_channels: Vec<Image>,
    /// Names of the channels, such as `CT`; empty where they are not known.
    pub channel_names: Vec<String>,
    /// Its label map.
    pub label: Option<LabelImage>,
    warnings: Vec<String>,
}

impl Case {
    /// Pairs an image with its label map. The label map is brought onto the image's grid: by its own header where that
    /// agrees with the image's, whatever the order of its axes, else voxel by voxel where it has as many voxels along
    /// each axis, with a warning.
    ///
    /// # Errors
    /// When the label map lies elsewhere and has another size.
    pub fn new(id: impl Into<String>, image: Image, label: Option<LabelImage>) -> Result<Case> {
        let id = id.into();
        let mut warnings = image.warnings().to_vec();
        let label = match label {
            None => None,
            Some(label) => {
                let own = label.warnings().iter();
                warnings.extend(own.map(|warning| format!("label map: {warning}")));
                let (label, placement) =
                    label
                        .placed_on(image.header(), image.grid())
                        .map_err(|source| DatasetError::LabelElsewhere {
                            case: id.clone(),
                            source,
                        })?;
                if let Placement::VoxelByVoxel { distance } = placement {
                    warnings.push(format!(
                        "image and label map lie {distance:.1} voxels apart by their headers; they are matched voxel \
                         by voxel and the image's header is used for both, look at the overlay"
                    ));
                }
                if label.labels().iter().all(|&label| label == 0) {
                    warnings.push(
                        "the label map holds only background (0); the case is used as one without any of the \
                         structures"
                            .into(),
                    );
                } else if label
                    .ignored()
                    .is_some_and(|id| label.labels().iter().all(|&label| label == id))
                {
                    warnings.push("no voxel of the label map is labeled; the case teaches nothing about labels".into());
                }
                Some(label)
            }
        };
        Ok(Case {
            id,
            image,
            other_channels: Vec::new(),
            channel_names: Vec::new(),
            label,
            warnings,
        })
    }

    /// Adds channels after the first, each brought onto the grid of the first as a label map is.
    ///
    /// # Errors
    /// When a channel lies elsewhere and has another size.
    pub fn with_channels(mut self, others: Vec<Image>) -> Result<Case> {
        for (index, other) in others.into_iter().enumerate() {
            let channel = index + 2;
            let own = other.warnings().iter();
            self.warnings
                .extend(own.map(|warning| format!("channel {channel}: {warning}")));
            let placed = other.placed_on(&self.image);
            let (other, placement) = placed.map_err(|source| DatasetError::ChannelElsewhere {
                case: self.id.clone(),
                channel,
                source,
            })?;
            if let Placement::VoxelByVoxel { distance } = placement {
                self.warnings.push(format!(
                    "channel {channel} lies {distance:.1} voxels apart from the first by its header; they are matched \
                     voxel by voxel and the first one's header is used for both"
                ));
            }
            self.other_channels.push(other);
        }
        Ok(self)
    }

    /// Adds a sentence to the warnings.
    pub(super) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// All channels, in order.
    pub fn images(&self) -> Vec<&Image> {
        std::iter::once(&self.image).chain(&self.other_channels).collect()
    }

    /// What is odd about the files and how they are read, one sentence each: grids that do not lie on
    /// each other, rounded labels, and what the volumes themselves reported.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
