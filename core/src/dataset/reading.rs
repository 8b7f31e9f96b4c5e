//! Reads a case's files the same way for every front end, which only fetches bytes.

use super::{Case, CaseFiles, DatasetError, Fix, Frames, Source, Structure};
use crate::Error;
use crate::volume::{Format, Image, LabelImage, Limits, Placement, SliceAxis, VolumeError};

/// Number of leading bytes that hold a file's header, even if compressed.
pub const HEADER_BYTES: usize = 1 << 16;

/// What is known about a case's files besides their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOptions {
    /// Channels of a case according to dataset.json or the weights: a single file with as many frames holds all of
    /// them.
    pub channels: usize,
    /// Names of the channels according to dataset.json; empty where it does not say.
    pub channel_names: Vec<String>,
    /// How the frames of the image are used, if chosen by hand.
    pub frames: Option<Frames>,
    /// Resamples a label map on another grid to the image's: nearest neighbor, in millimeters.
    pub resample_labels: bool,
    /// The id of voxels that are not labeled, where it is known; else a label map may name it.
    pub ignored: Option<u16>,
    /// Only slices along this axis that hold a label count; the others are not labeled.
    pub labeled_slices: Option<SliceAxis>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            channels: 1,
            channel_names: Vec::new(),
            frames: None,
            resample_labels: false,
            ignored: None,
            labeled_slices: None,
        }
    }
}

/// The result of reading a case's files.
#[derive(Debug)]
pub struct Reading {
    /// The case; without labels if its label map cannot be used.
    pub case: Case,
    /// Why its label map cannot be used.
    pub unusable_label: Option<Error>,
    /// The repair for the label map, or for placing it where its header says.
    pub fix: Option<Fix>,
}

impl Reading {
    /// Warnings about the files, one sentence each, starting with why the label map cannot be used.
    pub fn sentences(&self) -> Vec<String> {
        let unusable = self.unusable_label.iter().map(ToString::to_string);
        let warnings = self.case.warnings().iter().cloned();
        unusable.chain(warnings).collect()
    }

    /// The case with its labels.
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

/// Reads a case: its channels, one source each or the frames of one, brought onto the grid of the first, and its label
/// map or its structures on the same grid. `fetch` returns the bytes of a file by its path.
///
/// # Errors
/// When a channel cannot be read or lies elsewhere. Problems with the label map are part of the result.
pub async fn read_case<E: From<Error>>(
    files: &CaseFiles,
    options: &ReadOptions,
    fetch: impl AsyncFn(&str) -> Result<Vec<u8>, E>,
) -> Result<Reading, E> {
    let mut images = channels(files, options, &fetch).await?;
    if images.is_empty() {
        return Err(Error::from(DatasetError::NoChannel(files.id.clone())).into());
    }
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
        let (label, fix, more) = on_image(files, label, &image, options)?;
        Ok((options.partial(label), fix, [said, more].concat()))
    });
    let (label, fix, said, unusable_label) = match label {
        None => (None, None, Vec::new(), None),
        Some(Ok((label, fix, said))) => (Some(label), fix, said, None),
        Some(Err(error)) => (None, Fix::of(&error), Vec::new(), Some(error)),
    };
    let mut case = Case::new(&files.id, image, label)?.with_channels(others)?;
    case.channel_names.clone_from(&options.channel_names);
    for sentence in said {
        case.warn(sentence);
    }
    Ok(Reading {
        case,
        unusable_label,
        fix,
    })
}

/// A label map that [`Case::new`] accepts, the repair that would place it elsewhere, and warnings.
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
            let path = files.label.as_deref().unwrap_or(files.image());
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

/// The channels of a case. A file with several channels is fetched once.
async fn channels<E: From<Error>>(
    files: &CaseFiles,
    options: &ReadOptions,
    fetch: &impl AsyncFn(&str) -> Result<Vec<u8>, E>,
) -> Result<Vec<Image>, E> {
    let mut images = Vec::new();
    let mut fetched: (&[String], Vec<Vec<u8>>) = (&[], Vec::new());
    for source in &files.channels {
        if fetched.0 != source.files {
            fetched.0 = &source.files;
            // Freed before the next ones are fetched, so that not all of them are in memory at once.
            fetched.1.clear();
            for path in &source.files {
                fetched.1.push(fetch(path).await?);
            }
        }
        let blocks: Vec<&[u8]> = fetched.1.iter().map(Vec::as_slice).collect();
        let frames = match files.channels.len() {
            1 => options.frames_of(source, &blocks),
            _ => None,
        };
        let sources = frames.unwrap_or_else(|| vec![source.clone()]);
        images.extend(read_sources(&sources, &blocks).map_err(named(source.path()))?);
    }
    Ok(images)
}

/// Reads the channels held by the same files.
fn read_sources(sources: &[Source], blocks: &[&[u8]]) -> Result<Vec<Image>, VolumeError> {
    let read = |source: &Source| {
        let first = blocks.first().copied().unwrap_or_default();
        let format = Format::of(source.path(), first)?;
        format.read(blocks, &Limits::default(), source.frame)
    };
    sources.iter().map(read).collect()
}

impl ReadOptions {
    /// A label map with what is known of voxels that are not labeled.
    fn partial(&self, map: LabelImage) -> LabelImage {
        let map = match self.ignored {
            Some(id) => map.with_ignored(id),
            None => map,
        };
        match self.labeled_slices {
            Some(axis) => map.with_labeled_slices(axis),
            None => map,
        }
    }

    /// The channels given by the frames of a case's only volume; `None` if it is read as it is.
    fn frames_of(&self, source: &Source, blocks: &[&[u8]]) -> Option<Vec<Source>> {
        if source.frame.is_some() {
            return None;
        }
        let starts = blocks.iter().copied();
        let starts = starts.map(|block| block.get(..HEADER_BYTES).unwrap_or(block));
        let starts: Vec<&[u8]> = starts.collect();
        let first = starts.first().copied().unwrap_or_default();
        let header = Format::of(source.path(), first).and_then(|format| format.inspect(&starts));
        // Reading the file will report what is wrong with its header.
        let count = header.map_or(1, |header| header.frames);
        let frames = self.frames.or_else(|| Frames::expected(count, self.channels))?;
        Some(frames.sources(source, count))
    }
}

/// One label map combined from one per structure.
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
        for (label, _) in combined.iter_mut().zip(map.labels()).filter(|(_, inside)| **inside > 0) {
            overlapping += usize::from(*label > 0);
            *label = *id;
        }
    }
    let names = files
        .structures
        .iter()
        .map(|structure| (structure.id, structure.name.clone()));
    let map = LabelImage::on_voxels(combined, image, &names.collect()).map_err(named(files.image()));
    Ok(map.map(|map| (map, said_of_structures(overlapping, &apart))))
}

/// Warnings about combined structures: voxels that lie in several, and structures whose headers place them off the
/// image.
fn said_of_structures(overlapping: usize, apart: &[&str]) -> Vec<String> {
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
            "the headers of image and structures disagree ({}); they are matched voxel by voxel and the image's header \
             is used for all",
            apart.join(", ")
        ));
    }
    said
}

fn image(path: &str, bytes: &[u8]) -> Result<Image, Error> {
    let format = Format::of(path, bytes).map_err(named(path))?;
    let image = format.read(&[bytes], &Limits::default(), None);
    image.map_err(named(path))
}

/// A label map without warnings.
fn labels(path: &str, bytes: &[u8]) -> Result<(LabelImage, Vec<String>), Error> {
    let label = LabelImage::from_image(image(path, bytes)?).map_err(named(path))?;
    Ok((label, Vec::new()))
}

/// Puts the file's name before what is wrong with it.
fn named(path: &str) -> impl FnOnce(VolumeError) -> Error {
    let file = path.to_owned();
    move |source| Error::Volume { file, source }
}

#[cfg(test)]
mod tests;
