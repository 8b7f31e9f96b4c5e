//! The cases of a folder, by the names of its files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures::FutureExt;

use super::Failure;
use super::console::Console;
use super::files::{header, read};
use super::listing::Listing;
use crate::Error;
use crate::dataset::{
    Case, CaseFiles, CaseHeader, DatasetError, DatasetJson, Library, Pairing, ReadOptions, Reading, not_a_volume,
    read_case,
};
use crate::volume::SliceAxis;

/// As many files are named that are left out for one reason; of more, how many they are.
const MOST_NAMED: usize = 20;

/// A folder with scans.
pub(super) struct Folder {
    /// Everything below it.
    pub listing: Listing,
    /// Its files and how they are used, each by where it lies.
    pub library: Library<PathBuf>,
    /// Cases and files that belong to none.
    pub pairing: Pairing,
}

/// How a folder is used.
#[derive(Clone, Copy, Default)]
pub(super) struct FolderOptions {
    /// Label maps of one structure each are combined.
    pub combine_structures: bool,
    /// Label maps that lie elsewhere are brought onto their images.
    pub resample_labels: bool,
    /// The id of voxels that are not labeled, before what dataset.json says.
    pub ignore_label: Option<u16>,
    /// Only slices along this axis that hold a label count.
    pub labeled_slices: Option<SliceAxis>,
    /// Files that belong to no case are not named: the command lists them itself.
    pub lists: bool,
}

impl Folder {
    /// Pairs what is in a folder, and says what belongs to no case.
    ///
    /// # Errors
    /// When it cannot be read or has no case.
    pub fn open(root: &Path, listing: Listing, options: FolderOptions, console: &Console) -> Result<Self, Failure> {
        let library = library_of(&listing, options)?;
        let pairing = library.pairing();
        let folder = Self {
            listing,
            library,
            pairing,
        };
        if !folder.pairing.cases.is_empty() {
            folder.listing.warn(console);
        }
        if !options.lists {
            folder.say_leftovers(console);
        }
        if folder.pairing.cases.is_empty() {
            // What could not be looked into may be where they are.
            if let Some(problem) = folder.listing.problems().next() {
                return Err(Failure::Message(problem));
            }
            return Err(Error::from(DatasetError::NoCase(root.display().to_string())).into());
        }
        Ok(folder)
    }

    /// Names the files that belong to no case, by the reason.
    fn say_leftovers(&self, console: &Console) {
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for leftover in &self.pairing.leftovers {
            let paths = reasons.entry(&leftover.reason).or_default();
            paths.push(&leftover.path);
        }
        for (reason, paths) in reasons {
            let named = paths.iter().take(MOST_NAMED).copied();
            let named = named.collect::<Vec<_>>().join(", ");
            let more = match paths.len().saturating_sub(MOST_NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let sentence = format!("{named}{more}: {reason}");
            // Notes and tables lie in every folder.
            if reason == not_a_volume() {
                console.say(sentence);
            } else {
                console.warn(sentence);
            }
        }
    }

    /// Reads one case with the labels that it has.
    pub fn read(&self, files: &CaseFiles) -> Result<Case, Error> {
        self.reading(files)?.whole()
    }

    /// Reads one case, also where its label map cannot be used.
    pub fn reading(&self, files: &CaseFiles) -> Result<Reading, Error> {
        let options = self.library.read_options(files);
        at_once(read_case(files, &options, self.fetch()))
    }

    /// Reads a case's images alone; a single file may hold so many channels.
    pub fn read_images(&self, files: &CaseFiles, channels: usize) -> Result<Case, Error> {
        let images = CaseFiles {
            label: None,
            structures: Vec::new(),
            ..files.clone()
        };
        let options = ReadOptions {
            channels,
            ..self.library.read_options(&images)
        };
        at_once(read_case(&images, &options, self.fetch()))?.whole()
    }

    fn fetch(&self) -> impl AsyncFn(&str) -> Result<Vec<u8>, Error> {
        async |path: &str| read(self.path(path))
    }

    /// Bytes that a case takes in memory, by the header of its image; what cannot be read takes none.
    pub fn case_bytes(&self, files: &CaseFiles) -> u64 {
        let Some(facts) = header(self.path(files.image())) else {
            return 0;
        };
        CaseHeader::of(&facts, files, &self.library.read_options(files)).bytes()
    }

    /// Where a volume of the folder lies.
    pub fn path<'a>(&'a self, name: &'a str) -> &'a Path {
        let listed = self.library.file(name);
        listed.map_or(Path::new(name), PathBuf::as_path)
    }
}

/// The files of a folder, used as someone chose.
fn library_of(listing: &Listing, options: FolderOptions) -> Result<Library<PathBuf>, Error> {
    let names = listing.names();
    let json = DatasetJson::find(&names);
    let mut library = Library::default();
    for name in &names {
        let Some(path) = listing.path(name) else { continue };
        if Some(name) == json {
            library.add_dataset_json(name, &read(path)?, path.to_owned());
        } else {
            library.add(name, path.to_owned());
        }
    }
    if options.combine_structures {
        library.combine_structures();
    }
    if options.resample_labels {
        library.resample_labels();
    }
    library.ignore_label(options.ignore_label);
    library.count_labeled_slices(options.labeled_slices);
    Ok(library)
}

/// What a future gives that waits for nothing, as one that reads files here does. Training, which is a future
/// itself, reads held-out cases in the middle, where an executor cannot be entered again.
fn at_once<T>(future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let result = future.now_or_never();
    result.unwrap_or_else(|| Err(Error::Lost("reading files".to_owned())))
}

/// Reads a file that holds a case's image; it may hold so many channels.
pub(super) fn read_image_file(path: &Path, id: &str, channels: usize) -> Result<Case, Error> {
    let files = CaseFiles::of_image(id, path.display().to_string());
    let options = ReadOptions {
        channels,
        ..ReadOptions::default()
    };
    at_once(read_case(&files, &options, async |_: &str| read(path)))?.whole()
}
