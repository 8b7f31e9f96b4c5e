//! Files and folders that are written.

use std::ffi::OsString;
use std::fs;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::Failure;
use crate::file_names::LONGEST;
use crate::weights::sha256;

/// Makes a folder for results. One that holds something already is refused unless `force`.
pub(super) fn make_folder(path: &Path, force: bool) -> Result<(), Failure> {
    refuse_used_folder(path, force)?;
    fs::create_dir_all(path).map_err(|error| unwritable(path, &error))
}

/// Refuses a folder that holds something already unless `force`.
pub(super) fn refuse_used_folder(path: &Path, force: bool) -> Result<(), Failure> {
    let used = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    if used && !force {
        return Err(Failure::Message(format!(
            "{} is not empty; choose another folder or add --force to overwrite",
            path.display()
        )));
    }
    Ok(())
}

/// Writes a file whole or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    AtomicFile::create(path)?.fill(bytes)
}

/// A file that is written whole or not at all: under another name first, then renamed.
pub(super) struct AtomicFile {
    path: PathBuf,
    partial: PathBuf,
    file: BufWriter<fs::File>,
    finished: bool,
}

impl AtomicFile {
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
        let partial = partial(path, ending);
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

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.finished {
            // What could not be finished is of no use; that it stays does no harm either.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// Where a file is written before it gets its name, beside it. Where no room is left behind the name, a hash
/// stands for it.
fn partial(path: &Path, ending: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    let mut partial = if name.len() + ending.len() > LONGEST {
        OsString::from(sha256(name.as_encoded_bytes()))
    } else {
        name.to_owned()
    };
    partial.push(ending);
    path.with_file_name(partial)
}

/// That a file or folder cannot be written, and what to do.
pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    let remedy = match error.kind() {
        ErrorKind::InvalidFilename => "choose a folder with a shorter path",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "check its permissions or choose another folder",
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            "a file is where a folder is needed: choose another folder"
        }
        _ => "free some space or choose another folder",
    };
    Failure::Message(format!("{} cannot be written ({error}); {remedy}", path.display()))
}
