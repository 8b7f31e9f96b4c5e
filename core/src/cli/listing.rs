//! The files below a folder, each by a name to show and a path to read.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::console::Console;
use super::file_name::readable;
use super::files::unreadable;
use crate::Error;
use crate::dataset::is_passed_over;
use crate::volume;

/// The files below a folder. Hidden files and folders are skipped; links are followed, each folder once.
pub(super) struct Listing {
    /// The folder's own name and `/`; empty where it has none.
    root: String,
    /// Paths by unique display names: with `/` between folders, starting with the folder's own name, like those of a
    /// folder that is dropped into the page.
    files: BTreeMap<String, PathBuf>,
    /// Names of what could not be listed, and why.
    problems: Vec<(String, String)>,
}

impl Listing {
    /// Lists a folder.
    ///
    /// # Errors
    /// When the folder itself cannot be read. Unreadable folders below it are [named](Self::warn).
    pub fn of(root: &Path) -> Result<Self, Error> {
        Self::without(root, None)
    }

    /// Lists a folder without `results`, a folder in it that is written to.
    ///
    /// # Errors
    /// As [`Listing::of`].
    pub fn without(root: &Path, results: Option<&Path>) -> Result<Self, Error> {
        fs::read_dir(root).map_err(|error| unreadable(root, &error))?;
        let canonical = canonical(root);
        let name = root.file_name().or(canonical.file_name());
        let prefix = name.map_or(String::new(), |name| format!("{}/", readable(name)));
        let mut walk = Walk {
            root: canonical.clone(),
            seen: BTreeSet::new(),
            links: VecDeque::new(),
            files: Vec::new(),
            problems: Vec::new(),
        };
        let results = results.and_then(|folder| fs::canonicalize(folder).ok());
        walk.seen.extend(results.filter(|path| *path != canonical));
        walk.folder(root, &prefix);
        while let Some((path, name)) = walk.links.pop_front() {
            walk.link(&path, &name);
        }
        Ok(Self {
            root: prefix,
            files: unique(walk.files),
            problems: walk.problems,
        })
    }

    /// The names of the files, sorted.
    pub fn names(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    /// A file's name relative to the folder.
    pub fn below<'a>(&self, name: &'a str) -> &'a str {
        name.strip_prefix(&self.root).unwrap_or(name)
    }

    /// The files' names relative to the folder, sorted.
    pub fn names_below(&self) -> Vec<String> {
        let names = self.files.keys();
        names.map(|name| self.below(name).to_owned()).collect()
    }

    /// The path of a file, by its name.
    pub fn path(&self, name: &str) -> Option<&Path> {
        self.files.get(name).map(PathBuf::as_path)
    }

    /// The path of a file, by its name relative to the folder.
    pub fn path_below(&self, name: &str) -> PathBuf {
        let name = format!("{}{name}", self.root);
        self.path(&name).map_or(PathBuf::from(&name), Path::to_owned)
    }

    /// Names relative to the folder, and paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Path)> {
        let files = self.files.iter();
        files.map(|(name, path)| (self.below(name), path.as_path()))
    }

    /// The paths of the files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.values().map(PathBuf::as_path)
    }

    /// What could not be listed, one sentence each.
    pub fn problems(&self) -> impl Iterator<Item = String> {
        let problems = self.problems.iter();
        problems.map(|(name, problem)| format!("{name}: {problem}"))
    }

    /// Warns about what could not be listed, and returns how much that was.
    pub fn warn(&self, console: &Console) -> usize {
        for problem in self.problems() {
            console.warn(problem);
        }
        self.problems.len()
    }
}

/// A walk through a folder and what it links to.
struct Walk {
    /// The folder that is listed, by its canonical path.
    root: PathBuf,
    /// Canonical paths of the folders already visited.
    seen: BTreeSet<PathBuf>,
    /// Links to folders. They are followed after all real folders, so that a folder gets its real name where it has
    /// one.
    links: VecDeque<(PathBuf, String)>,
    /// Names and paths.
    files: Vec<(String, PathBuf)>,
    problems: Vec<(String, String)>,
}

impl Walk {
    /// Lists a folder whose name ends in `/` or is empty. An unreadable folder is reported.
    fn folder(&mut self, folder: &Path, name: &str) {
        if let Err(error) = self.entries(folder, name) {
            let shown = match name.trim_end_matches('/') {
                "" => folder.display().to_string(),
                name => name.to_owned(),
            };
            let problem = format!("the folder cannot be read ({error}); check its permissions");
            self.problems.push((shown, problem));
        }
    }

    fn entries(&mut self, folder: &Path, name: &str) -> std::io::Result<()> {
        if !self.seen.insert(canonical(folder)) {
            return Ok(());
        }
        let entries = fs::read_dir(folder)?;
        let mut entries = entries.collect::<std::io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let Some(own) = shown(&entry.file_name()) else {
                continue;
            };
            self.entry(&entry, format!("{name}{own}"))?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &fs::DirEntry, name: String) -> std::io::Result<()> {
        let (path, linked) = (entry.path(), entry.file_type()?.is_symlink());
        let scan = volume::stem(&name).is_some();
        match fs::metadata(&path) {
            Ok(facts) if facts.is_dir() && linked => self.links.push_back((path, name)),
            Ok(facts) if facts.is_dir() => self.folder(&path, &format!("{name}/")),
            Ok(facts) if facts.is_file() => self.files.push((name, path)),
            // Reading from a pipe would block forever.
            Ok(_) if scan => self.problems.push((
                name,
                "this never ends, as a pipe or a device; replace it by a file".to_owned(),
            )),
            Ok(_) => {}
            // Reading it reports the problem, as for any unreadable scan.
            Err(_) if scan => self.files.push((name, path)),
            Err(error) => {
                let problem = match linked {
                    true => {
                        format!("what the link leads to cannot be found ({error}); repair the link")
                    }
                    false => format!("it cannot be read ({error}); check its permissions"),
                };
                self.problems.push((name, problem));
            }
        }
        Ok(())
    }

    /// Follows a link to a folder, unless it leads to the listed folder or above it.
    fn link(&mut self, path: &Path, name: &str) {
        if !self.root.starts_with(canonical(path)) {
            self.folder(path, &format!("{name}/"));
        }
    }
}

/// A folder's path without links. Some Windows drives do not support this; they have no links either.
fn canonical(folder: &Path) -> PathBuf {
    fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}

/// Files by name. Where several share a name, as names in different encodings can, the later ones (in byte order) are
/// numbered: `case (2).nii.gz`.
fn unique(mut found: Vec<(String, PathBuf)>) -> BTreeMap<String, PathBuf> {
    found.sort();
    let (mut files, mut later) = (BTreeMap::new(), Vec::new());
    for (name, path) in found {
        match files.entry(name) {
            Entry::Vacant(place) => _ = place.insert(path),
            Entry::Occupied(place) => later.push((place.key().clone(), path)),
        }
    }
    for (name, path) in later {
        let stem = volume::stem(&name).unwrap_or(&name);
        let ending = &name[stem.len()..];
        let mut number = 2;
        while files.contains_key(&format!("{stem} ({number}){ending}")) {
            number += 1;
        }
        files.insert(format!("{stem} ({number}){ending}"), path);
    }
    files
}

/// A file's or folder's display name; `None` if it is skipped. `\` separates folders: archives made on Windows leave it
/// in names on other systems.
fn shown(name: &OsStr) -> Option<String> {
    let name = readable(name).replace('\\', "/");
    let parts = name.split('/').filter(|part| !part.is_empty());
    let parts: Vec<&str> = parts.collect();
    if parts.is_empty() || parts.iter().any(|part| is_passed_over(part)) {
        return None;
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests;
