//! Files and folders: finding cases, reading them, writing results.

use std::fs;
use std::io::Read;
use std::path::Path;

use super::Failure;
pub(super) use super::atomic_file::{AtomicFile, make_folder, refuse_used_folder, unwritable, write};
use crate::Error;
use crate::dataset::HEADER_BYTES;
use crate::volume::{Format, INTENT_LABEL, Image, Inspection, LabelImage, Limits};

/// What the header of a volume says; `None` if it cannot be read.
pub(super) fn header(path: &Path) -> Option<Inspection> {
    let mut start = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(HEADER_BYTES as u64).read_to_end(&mut start).ok()?;
    let format = Format::of(&path.to_string_lossy(), &start).ok()?;
    format.inspect(&[&start]).ok()
}

/// Whether there is a volume that is not marked as labels, as every label map written here is.
pub(super) fn holds_scan(path: &Path) -> bool {
    header(path).is_some_and(|facts| facts.intent != INTENT_LABEL)
}

/// Reads a whole file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| unreadable(path, &error))
}

/// Reads an image.
pub(super) fn read_image(path: &Path) -> Result<Image, Error> {
    read_frame(path, None)
}

/// Reads a frame of an image, counted from 0; without one, the image must have a single frame.
pub(super) fn read_frame(path: &Path, frame: Option<usize>) -> Result<Image, Error> {
    let bytes = read(path)?;
    let format = Format::of(&path.to_string_lossy(), &bytes);
    let image = format.and_then(|format| format.read(&[&bytes], &Limits::default(), frame));
    image.map_err(|source| volume_error(path, source))
}

/// Reads a label map.
pub(super) fn read_label(path: &Path) -> Result<LabelImage, Error> {
    let image = read_image(path)?;
    LabelImage::from_image(image).map_err(|source| volume_error(path, source))
}

fn volume_error(path: &Path, source: crate::volume::VolumeError) -> Error {
    Error::Volume {
        file: path.display().to_string(),
        source,
    }
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::Unreadable {
        file: path.display().to_string(),
        problem: error.to_string(),
    }
}

/// The lines of a file about the first `done` steps of a run; empty if there is no file.
pub(super) fn lines_until(
    path: &Path,
    done: usize,
    step_of: impl Fn(&str) -> Option<usize>,
) -> Result<String, Failure> {
    if !path.exists() {
        return Ok(String::new());
    }
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let lines = text.lines();
    let kept = lines.filter(|line| step_of(line).is_some_and(|step| step <= done));
    Ok(kept.flat_map(|line| [line, "\n"]).collect())
}

/// The content of a JSON file; on failure, the existing file stays as it is.
pub(super) fn encoded<T>(path: &Path, json: serde_json::Result<T>) -> Result<T, Failure> {
    json.map_err(|error| {
        Failure::Message(format!(
            "{} cannot be written: {error}; what was there is kept",
            path.display()
        ))
    })
}
