//! Files and folders: finding cases, reading them, writing results.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Failure;
use super::listing::{Listing, readable};
pub(super) use super::whole_file::{Whole, make_folder, refuse_used_folder, unwritable, write};
use crate::Error;
use crate::dataset::{
    self, Case, CaseFiles, DatasetError, Pairing, channel_count, label_names, pair,
};
use crate::volume::{INTENT_LABEL, Image, Inspection, LabelImage, Limits, inspect};

/// The first part of a file, which holds its header also when it is compressed.
const HEADER_BYTES: u64 = 1 << 16;

/// The cases of a folder, by the names of its files.
pub(super) struct Folder {
    root: PathBuf,
    /// Its files.
    pub listing: Listing,
    /// Cases and files that belong to none.
    pub pairing: Pairing,
    /// The text of dataset.json, where there is one.
    pub dataset_json: Option<String>,
}

impl Folder {
    /// Lists a folder and pairs what is in it.
    pub fn open(root: &Path) -> Result<Self, Failure> {
        Self::with(root, Listing::of(root)?)
    }

    /// The same without `results`, a folder that is written to and may lie in it.
    pub fn open_without(root: &Path, results: &Path) -> Result<Self, Failure> {
        Self::with(root, Listing::without(root, Some(results))?)
    }

    fn with(root: &Path, listing: Listing) -> Result<Self, Failure> {
        let names = listing.names();
        let dataset_json = fs::read_to_string(root.join("dataset.json")).ok();
        let pairing = pair(&names, dataset_json.as_deref());
        if pairing.cases.is_empty() {
            // What could not be looked into may be where they are.
            if let Some(problem) = listing.problems().next() {
                return Err(Failure::Message(problem));
            }
            return Err(Error::from(DatasetError::NoCase(root.display().to_string())).into());
        }
        Ok(Self {
            root: root.to_owned(),
            listing,
            pairing,
            dataset_json,
        })
    }

    /// Reads one case.
    pub fn read(&self, files: &CaseFiles) -> Result<Case, Error> {
        let mut images = read_channels(&self.image_paths(files), self.channels())?;
        let others = images.split_off(1);
        let image = images.remove(0);
        let label = match &files.label {
            Some(label) => Some(read_label(&self.path(label))?),
            None => None,
        };
        let case = Case::new(files.id.clone(), image, label);
        let case = case.and_then(|case| case.with_channels(others));
        Ok(case?)
    }

    /// How many channels a single file is expected to hold.
    pub fn channels(&self) -> usize {
        self.dataset_json.as_deref().map_or(1, channel_count)
    }

    /// Names of labels by id, where the folder tells.
    pub fn label_names(&self) -> BTreeMap<u16, String> {
        let json = self.dataset_json.as_deref();
        json.map(label_names).unwrap_or_default()
    }

    /// Bytes that a case takes in memory, by the headers of its files; what cannot be read takes none.
    pub fn decoded_bytes(&self, files: &CaseFiles) -> u64 {
        let bytes = |name: &String| {
            let facts = header(&self.path(name))?;
            Some(facts.decoded_bytes * facts.frames as u64)
        };
        files.names().filter_map(bytes).sum()
    }

    /// Where a file of the folder lies.
    pub fn path(&self, name: &str) -> PathBuf {
        let listed = self.listing.path(name).map(Path::to_owned);
        listed.unwrap_or_else(|| self.root.join(name))
    }

    /// Where a case's channels lie.
    pub fn image_paths(&self, files: &CaseFiles) -> Vec<PathBuf> {
        std::iter::once(&files.image)
            .chain(&files.other_channels)
            .map(|name| self.path(name))
            .collect()
    }
}

/// What the header of a NIfTI file says; nothing where there is none that can be read.
fn header(path: &Path) -> Option<Inspection> {
    let mut start = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(HEADER_BYTES).read_to_end(&mut start).ok()?;
    inspect(&start).ok()
}

/// Whether there is a NIfTI volume that is not marked as labels, as all are that are written here.
pub(super) fn holds_scan(path: &Path) -> bool {
    header(path).is_some_and(|facts| facts.intent != INTENT_LABEL)
}

/// Reads a whole file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| unreadable(path, &error))
}

/// Reads a NIfTI image.
pub(super) fn read_image(path: &Path) -> Result<Image, Error> {
    let bytes = read(path)?;
    Image::read(&bytes, &Limits::default()).map_err(|source| volume_error(path, source))
}

/// Reads the channels of a case, one file each; one file where `channels` are expected holds them as
/// its frames. There is at least one.
pub(super) fn read_channels(paths: &[PathBuf], channels: usize) -> Result<Vec<Image>, Error> {
    match paths {
        [path] if channels > 1 => {
            let images = Image::read_frames(&read(path)?, &Limits::default());
            images.map_err(|source| volume_error(path, source))
        }
        paths => paths.iter().map(|path| read_image(path)).collect(),
    }
}

/// Reads a NIfTI label map.
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

/// The lines of a file about the first `done` steps of a run; nothing where there is no file.
pub(super) fn lines_until(
    path: &Path,
    done: usize,
    step_of: impl Fn(&str) -> Option<usize>,
) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines();
    let kept = lines.filter(|line| step_of(line).is_some_and(|step| step <= done));
    kept.flat_map(|line| [line, "\n"]).collect()
}

/// How the name of a map of uncertainty ends, which lies beside the label map it belongs to.
pub(super) const UNCERTAINTY: &str = "_uncertainty";

/// A file's name without `.nii` or `.nii.gz`, in any capitals; `None` for any other file.
pub(super) fn nifti_stem(path: &Path) -> Option<String> {
    let name = readable(path.file_name()?);
    // Archives that were made on Windows leave their folders in names.
    let name = name.rsplit('\\').next()?;
    dataset::nifti_stem(name).map(str::to_owned)
}
