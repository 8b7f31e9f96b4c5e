//! Files and folders: finding cases, reading them, writing results.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::Failure;
use crate::Error;
use crate::volume::{Image, LabelImage, Limits};

/// Every file below a folder, sorted, as paths from it with `/` between folders.
pub(super) fn list_files(root: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    list(root, root, &mut names)?;
    names.sort();
    Ok(names)
}

fn list(root: &Path, folder: &Path, names: &mut Vec<String>) -> Result<(), Error> {
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
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| unreadable(path, &error))
}

/// Reads a NIfTI image.
pub(super) fn read_image(path: &Path) -> Result<Image, Error> {
    let bytes = read(path)?;
    Image::read(&bytes, &Limits::default()).map_err(|source| volume_error(path, source))
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

/// Writes a file whole or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    Whole::create(path)?.fill(bytes)
}

/// A file that is written whole or not at all: under another name first, then renamed.
pub(super) struct Whole {
    path: PathBuf,
    partial: PathBuf,
    file: BufWriter<fs::File>,
    finished: bool,
}

impl Whole {
    /// Begins the file. Until [`finish`](Self::finish), what was at `path` stays.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        Self::under(path, ".partial")
    }

    /// The same where other processes may write the same file at the same time: the last one stays.
    pub fn among_others(path: &Path) -> Result<Self, Failure> {
        // Processes of other machines and containers may have the same number, but do not begin in the same
        // nanosecond.
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_nanos();
        Self::under(path, &format!(".{}-{now}.partial", std::process::id()))
    }

    fn under(path: &Path, ending: &str) -> Result<Self, Failure> {
        let mut partial = path.as_os_str().to_owned();
        partial.push(ending);
        let partial = PathBuf::from(partial);
        let file = fs::File::create(&partial).map_err(|error| unwritable(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            partial,
            file: BufWriter::new(file),
            finished: false,
        })
    }

    /// Writes all that the file is to hold, and finishes it.
    pub fn fill(mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.write_all(bytes);
        written.map_err(|error| unwritable(&self.path, &error))?;
        self.finish()
    }

    /// Puts the file in its place, once it is safely on the disk.
    pub fn finish(mut self) -> Result<(), Failure> {
        let synced = self.file.flush();
        let synced = synced.and_then(|()| self.file.get_ref().sync_all());
        let renamed = synced.and_then(|()| fs::rename(&self.partial, &self.path));
        renamed.map_err(|error| unwritable(&self.path, &error))?;
        self.finished = true;
        Ok(())
    }
}

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if !self.finished {
            // What could not be finished is of no use; that it stays does no harm either.
            let _ = fs::remove_file(&self.partial);
        }
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
