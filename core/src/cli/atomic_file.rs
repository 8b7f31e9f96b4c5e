//! Writing files and folders.

use std::ffi::OsString;
use std::fs;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::Failure;
use crate::file_names::LONGEST;
use crate::weights::sha256;

/// Makes a folder for results. A folder that is not empty is refused unless `force`.
pub(super) fn make_folder(path: &Path, force: bool) -> Result<(), Failure> {
    refuse_used_folder(path, force)?;
    fs::create_dir_all(path).map_err(|error| unwritable(path, &error))
}

/// Refuses a folder that is not empty unless `force`.
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

/// Writes a file atomically.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    AtomicFile::create(path)?.fill(bytes)
}

/// A file that is written atomically: under a temporary name first, then renamed.
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

    /// The same where other processes may write the same file concurrently: the last one wins.
    pub fn among_others(path: &Path) -> Result<Self, Failure> {
        // Processes on other machines and in containers may have the same id, but do not start in the same nanosecond.
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

    /// Writes the file's whole content, and finishes it.
    pub fn fill(mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.write_all(bytes);
        written.map_err(|error| unwritable(&self.path, &error))?;
        self.finish()
    }

    /// Renames the file to its final name once it is synced to disk.
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
            // An unfinished file is useless, but leaving it behind is harmless.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// The temporary path, in the same folder. If the name would become too long, a hash replaces it.
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

/// The failure of writing a file or folder, and what to do about it.
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
