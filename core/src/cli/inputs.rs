//! What a command reads is never replaced by what it writes.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Failure, Outcome};
use crate::file_names::folded;

/// Refuses results that are one of the files that are read, whatever the path's spelling: through links, by
/// another name of the same file, in other letters where the file system does not tell them apart.
pub(super) fn refuse_inputs<O: AsRef<Path>, I: AsRef<Path>>(
    results: impl IntoIterator<Item = O>,
    inputs: impl IntoIterator<Item = I>,
) -> Outcome {
    let there = results.into_iter().filter(|path| path.as_ref().exists());
    let there: Vec<O> = there.collect();
    if there.is_empty() {
        return Ok(());
    }
    let inputs: HashSet<Identity> = inputs.into_iter().flat_map(|path| identities(path.as_ref())).collect();
    let is_input = |path: &&O| identities(path.as_ref()).any(|found| inputs.contains(&found));
    match there.iter().find(is_input) {
        None => Ok(()),
        Some(path) => Err(Failure::Message(format!(
            "{} is read and would be replaced by a result, which --force does not do either; write somewhere else",
            path.as_ref().display()
        ))),
    }
}

/// Refuses two results that would be one file.
pub(super) fn refuse_doubles<'a>(results: impl IntoIterator<Item = &'a Path>) -> Outcome {
    let mut places = HashSet::new();
    for path in results {
        if !places.insert(place(path)) {
            return Err(Failure::Message(format!(
                "{} is to hold two results; give each a file of its own",
                path.display()
            )));
        }
    }
    Ok(())
}

/// Whether two paths lead to one file or folder that is there.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    identities(one).any(|found| identities(other).any(|other| other == found))
}

/// Where a file is or would be, alike for all spellings that some file system takes for one.
fn place(path: &Path) -> String {
    if let Ok(canonical) = fs::canonicalize(path) {
        return folded(&canonical.to_string_lossy());
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let name = path.file_name().unwrap_or_default();
    folded(&folder.join(name).to_string_lossy())
}

/// What two paths of one file have in common.
#[derive(PartialEq, Eq, Hash)]
enum Identity {
    Path(PathBuf),
    /// Number of the device, and of the file on it.
    #[cfg(unix)]
    Node(u64, u64),
}

/// All that is known of a file; nothing of one that is not there.
fn identities(path: &Path) -> impl Iterator<Item = Identity> + use<> {
    let canonical = fs::canonicalize(path).ok().map(Identity::Path);
    #[cfg(unix)]
    let node = fs::metadata(path).ok().map(|facts| {
        use std::os::unix::fs::MetadataExt;
        Identity::Node(facts.dev(), facts.ino())
    });
    #[cfg(not(unix))]
    let node = None;
    canonical.into_iter().chain(node)
}
