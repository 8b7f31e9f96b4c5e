//! Reading a case's files, the same way for every front: a front fetches bytes and nothing else.

use serde::{Deserialize, Serialize};

use super::{Case, CaseFiles, DatasetError, Structure};
use crate::Error;
use crate::volume::{Image, LabelImage, Limits, Placement, VolumeError, inspect};

/// The first bytes of a file that hold its header, also where it is compressed.
pub const HEADER_BYTES: usize = 1 << 16;

/// How the frames of a 4D file are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frames {
    /// This one, counted from 0, is the image.
    One(usize),
    /// Each is a channel.
    Channels,
}

impl Frames {
    /// How a file of so many frames is used, when a case has so many `channels` by what is known of its data
    /// set: `None` where it has one frame, or where someone has to choose.
    pub fn expected(frames: usize, channels: usize) -> Option<Frames> {
        (frames > 1 && frames == channels).then_some(Frames::Channels)
    }
}

/// What is known of a case's files beside their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOptions {
    /// Channels that a case has, by dataset.json or by the weights it is read for: a single file with as many
    /// frames holds them.
    pub channels: usize,
    /// How the frames of the image are used, where someone chose.
    pub frames: Option<Frames>,
    /// Brings a label map that lies elsewhere onto the image's grid: each voxel takes the label of the nearest
    /// one, by millimetres.
    pub resample_labels: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            channels: 1,
            frames: None,
            resample_labels: false,
        }
    }
}

/// What would make a label map fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fix {
    /// Its nearest voxels on the image's grid.
    Resample,
    /// The nearest whole numbers.
    Round,
}

impl Fix {
    /// What would mend a label map that this error is about, if anything.
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
}

/// What came of reading a case's files.
#[derive(Debug)]
pub struct Reading {
    /// The case; without labels where its label map cannot be used.
    pub case: Case,
    /// Why its label map cannot be used.
    pub unusable_label: Option<Error>,
    /// What would mend the label map, or bring it where its header says that it lies.
    pub fix: Option<Fix>,
}

impl Reading {
    /// What is odd about the files, one sentence each: why the label map cannot be used comes first.
    pub fn sentences(&self) -> Vec<String> {
        let unusable = self.unusable_label.iter().map(ToString::to_string);
        let warnings = self.case.warnings().iter().cloned();
        unusable.chain(warnings).collect()
    }

    /// The case with the labels that it was given.
    ///
    /// # Errors
    /// When its label map cannot be used.
    pub fn whole(self) -> Result<Case, Error> {
        match self.unusable_label {
            Some(error) => Err(error),
            None => Ok(self.case),
        }
    }
}

/// Reads a case: its channels, one file each or the frames of one, brought onto the grid of the first, and its
/// label map or its structures on the same grid. `fetch` gives the bytes of a file by its path.
///
/// # Errors
/// When a channel cannot be read or lies elsewhere. What is wrong with a label map stands in the result.
pub async fn read_case<E: From<Error>>(
    files: &CaseFiles,
    options: &ReadOptions,
    fetch: impl AsyncFn(&str) -> Result<Vec<u8>, E>,
) -> Result<Reading, E> {
    let mut images = Vec::new();
    if files.other_channels.is_empty() {
        let bytes = fetch(&files.image).await?;
        images.extend(frames(&bytes, options).map_err(named(&files.image))?);
    } else {
        for path in files.channels() {
            images.push(image(path, &fetch(path).await?)?);
        }
    }
    // At least the first channel was read.
    let others = images.split_off(1);
    let first = images.remove(0);
    let label = if let Some(path) = &files.label {
        Some(labels(path, &fetch(path).await?))
    } else if files.structures.is_empty() {
        None
    } else {
        Some(combined(files, &first, &fetch).await?)
    };
    Ok(put_together(files, first, others, label, options)?)
}

fn put_together(
    files: &CaseFiles,
    image: Image,
    others: Vec<Image>,
    label: Option<Result<(LabelImage, Vec<String>), Error>>,
    options: &ReadOptions,
) -> Result<Reading, Error> {
    let label = label.map(|label| {
        let (label, said) = label?;
        on_image(files, label, &image, options)
            .map(|(label, fix, more)| (label, fix, [said, more].concat()))
    });
    let (label, fix, said, unusable_label) = match label {
        None => (None, None, Vec::new(), None),
        Some(Ok((label, fix, said))) => (Some(label), fix, said, None),
        Some(Err(error)) => (None, Fix::of(&error), Vec::new(), Some(error)),
    };
    let mut case = Case::new(&files.id, image, label)?.with_channels(others)?;
    for sentence in said {
        case.warn(sentence);
    }
    Ok(Reading {
        case,
        unusable_label,
        fix,
    })
}

/// A label map that [`Case::new`] takes, what would bring it elsewhere, and what is to be said of it.
fn on_image(
    files: &CaseFiles,
    label: LabelImage,
    image: &Image,
    options: &ReadOptions,
) -> Result<(LabelImage, Option<Fix>, Vec<String>), Error> {
    match image.grid().placement_of(label.grid()) {
        Placement::Same(_) => Ok((label, None, Vec::new())),
        Placement::VoxelByVoxel { .. } => Ok((label, Some(Fix::Resample), Vec::new())),
        Placement::Elsewhere if options.resample_labels => {
            let path = files.label.as_deref().unwrap_or(&files.image);
            let moved = label.onto(image).map_err(named(path))?;
            let (before, after) = (label.present(), moved.present());
            if after.is_empty() && !before.is_empty() {
                let case = files.id.clone();
                return Err(DatasetError::NothingInside { case }.into());
            }
            let mut said = vec![format!(
                "the label map has {} and was brought onto the image's grid, each voxel from the nearest",
                label.grid().describe()
            )];
            let lost: Vec<String> = before
                .iter()
                .filter(|id| !after.contains(id))
                .map(u16::to_string)
                .collect();
            if !lost.is_empty() {
                said.push(format!(
                    "the labels {} were lost when the label map was resampled",
                    lost.join(", ")
                ));
            }
            Ok((moved, None, said))
        }
        Placement::Elsewhere => Err(DatasetError::LabelElsewhere {
            case: files.id.clone(),
            source: VolumeError::Elsewhere {
                found: label.grid().describe(),
                wanted: image.grid().describe(),
            },
        }
        .into()),
    }
}

/// The channels that a single file holds.
fn frames(bytes: &[u8], options: &ReadOptions) -> Result<Vec<Image>, VolumeError> {
    let limits = Limits::default();
    let expected = || {
        let start = bytes.get(..HEADER_BYTES).unwrap_or(bytes);
        // What is wrong with a header is said when the file is read.
        let frames = inspect(start).map_or(1, |header| header.frames);
        Frames::expected(frames, options.channels)
    };
    match options.frames.or_else(expected) {
        None => Ok(vec![Image::read(bytes, &limits)?]),
        Some(Frames::One(frame)) => Ok(vec![Image::read_frame(bytes, &limits, frame)?]),
        Some(Frames::Channels) => Image::read_frames(bytes, &limits),
    }
}

/// One label map that is made of one for each structure.
async fn combined<E: From<Error>>(
    files: &CaseFiles,
    image: &Image,
    fetch: &impl AsyncFn(&str) -> Result<Vec<u8>, E>,
) -> Result<Result<(LabelImage, Vec<String>), Error>, E> {
    let mut combined = vec![0; image.grid().len()];
    let (mut overlapping, mut apart) = (0, Vec::new());
    for Structure { id, name, path } in &files.structures {
        let map = labels(path, &fetch(path).await?);
        let placed = map.and_then(|(map, _)| {
            let placed = map.placed_on(image.header(), image.grid());
            placed.map_err(|source| {
                let case = files.id.clone();
                DatasetError::LabelElsewhere { case, source }.into()
            })
        });
        let (map, placement) = match placed {
            Ok(placed) => placed,
            Err(error) => return Ok(Err(error)),
        };
        if let Placement::VoxelByVoxel { .. } = placement {
            apart.push(name.as_str());
        }
        for (label, _) in combined
            .iter_mut()
            .zip(map.labels())
            .filter(|(_, inside)| **inside > 0)
        {
            overlapping += usize::from(*label > 0);
            *label = *id;
        }
    }
    let names = files
        .structures
        .iter()
        .map(|structure| (structure.id, structure.name.clone()));
    let map = LabelImage::on_voxels(combined, image, &names.collect()).map_err(named(&files.image));
    let mut said = Vec::new();
    if overlapping > 0 {
        let voxels = match overlapping {
            1 => "1 voxel lies".to_owned(),
            more => format!("{more} voxels lie"),
        };
        said.push(format!(
            "{voxels} in several structures; the last of these by name is used there"
        ));
    }
    if !apart.is_empty() {
        said.push(format!(
            "the headers of image and structures disagree ({}); they are matched voxel by voxel and the image's header is used for all",
            apart.join(", ")
        ));
    }
    Ok(map.map(|map| (map, said)))
}

fn image(path: &str, bytes: &[u8]) -> Result<Image, Error> {
    Image::read(bytes, &Limits::default()).map_err(named(path))
}

/// A label map, and nothing to say of it.
fn labels(path: &str, bytes: &[u8]) -> Result<(LabelImage, Vec<String>), Error> {
    let label = LabelImage::from_image(image(path, bytes)?).map_err(named(path))?;
    Ok((label, Vec::new()))
}

/// Puts the file's name before what is wrong with it.
fn named(path: &str) -> impl FnOnce(VolumeError) -> Error {
    let file = path.to_owned();
    move |source| Error::Volume { file, source }
}
