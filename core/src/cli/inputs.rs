//! A command never overwrites its own inputs.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Failure, Outcome};
use crate::file_names::folded;

/// Refuses results that are one of the input files, however the path is spelled: through links, by another name of the
/// same file, in other case on a case-insensitive file system.
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

/// Refuses two results that would be the same file.
pub(super) fn refuse_doubles<'a>(results: impl IntoIterator<Item = &'a Path>) -> Outcome {
    let mut places = HashSet::new();
    for path in results {
        if !places.insert(place(path)) {
            return Err(Failure::Message(format!(
                "two results would go to {}; give each its own file",
                path.display()
            )));
        }
    }
    Ok(())
}

/// Whether two paths lead to the same existing file or folder.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    identities(one).any(|found| identities(other).any(|other| other == found))
}

/// Where a file is or would be: equal for all spellings that some file system treats as the same.
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

/// Identifies a file; two paths to the same file share one.
#[derive(PartialEq, Eq, Hash)]
enum Identity {
    Path(PathBuf),
    /// Device number and inode.
    #[cfg(unix)]
    Node(u64, u64),
}

/// All identities of a file; none if it does not exist.
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
