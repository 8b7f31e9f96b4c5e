//! Files and folders: finding cases, reading them, writing results.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::Error;
use crate::dataset::{Case, CaseFiles, DatasetError, Pairing, pair};
use crate::volume::{Image, LabelImage, Limits};

/// The cases of a folder, by the names of its files.
pub(super) struct Folder {
    root: PathBuf,
    /// Cases and files that belong to none.
    pub pairing: Pairing,
    /// The text of dataset.json, where there is one.
    pub dataset_json: Option<String>,
}

impl Folder {
    /// Lists a folder and pairs what is in it.
    pub fn open(root: &Path) -> Result<Self, Failure> {
        let names = list_files(root)?;
        let dataset_json = fs::read_to_string(root.join("dataset.json")).ok();
        let pairing = pair(&names, dataset_json.as_deref());
        if pairing.cases.is_empty() {
            return Err(Error::from(DatasetError::NoCase(root.display().to_string())).into());
        }
        Ok(Self {
            root: root.to_owned(),
            pairing,
            dataset_json,
        })
    }

    /// Reads one case.
    pub fn read(&self, files: &CaseFiles) -> Result<Case, Failure> {
        let image = read_image(&self.root.join(&files.image))?;
        let label = match &files.label {
            Some(label) => Some(read_label(&self.root.join(label))?),
            None => None,
        };
        Ok(Case::new(files.id.clone(), image, label).map_err(Error::from)?)
    }

    /// Where a case's image lies.
    pub fn image_path(&self, files: &CaseFiles) -> PathBuf {
        self.root.join(&files.image)
    }
}

/// Every file below a folder, sorted, as paths from it with `/` between folders.
pub(super) fn list_files(root: &Path) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    list(root, root, &mut names)?;
    names.sort();
    Ok(names)
}

fn list(root: &Path, folder: &Path, names: &mut Vec<String>) -> Result<(), Failure> {
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        if path.is_dir() {
            list(root, &path, names)?;
        } else if let Ok(relative) = path.strip_prefix(root) {
            names.push(relative.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(())
}

/// Reads a whole file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| unreadable(path, &error))
}

/// Reads a NIfTI image.
pub(super) fn read_image(path: &Path) -> Result<Image, Failure> {
    let bytes = read(path)?;
    Ok(Image::read(&bytes, &Limits::default()).map_err(|source| volume_error(path, source))?)
}

/// Reads a NIfTI label map.
pub(super) fn read_label(path: &Path) -> Result<LabelImage, Failure> {
    let image = read_image(path)?;
    Ok(LabelImage::from_image(image).map_err(|source| volume_error(path, source))?)
}

fn volume_error(path: &Path, source: crate::volume::VolumeError) -> Error {
    Error::Volume {
        file: path.display().to_string(),
        source,
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Message(format!(
        "{} cannot be read ({error}); check the path and its permissions",
        path.display()
    ))
}

/// Makes a folder for results. One that holds something already is refused unless `force`.
pub(super) fn make_folder(path: &Path, force: bool) -> Result<(), Failure> {
    let used = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    if used && !force {
        return Err(Failure::Message(format!(
            "{} is not empty; choose another folder or add --force to overwrite",
            path.display()
        )));
    }
    fs::create_dir_all(path).map_err(|error| unwritable(path, &error))
}

/// Writes a file whole or not at all: under another name first, then renamed.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let written = fs::File::create(&partial)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&partial, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&partial);
        unwritable(path, &error)
    })
}

pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Message(format!(
        "{} cannot be written ({error}); free some space or choose another folder",
        path.display()
    ))
}

/// A file's name without `.nii` or `.nii.gz`; `None` for any other file.
pub(super) fn nifti_stem(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let stem = name
        .strip_suffix(".gz")
        .unwrap_or(name)
        .strip_suffix(".nii")?;
    (!name.starts_with("._")).then(|| stem.to_owned())
}
