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
    Case, CaseFiles, DatasetError, DatasetJson, Frames, Pairing, ReadOptions, Reading, case_bytes, not_a_volume, pair,
    read_case,
};

/// As many files are named that are left out for one reason; of more, how many they are.
const MOST_NAMED: usize = 20;

/// A folder with scans.
pub(super) struct Folder {
    root: PathBuf,
    /// Its files.
    pub listing: Listing,
    /// Cases and files that belong to none.
    pub pairing: Pairing,
    /// What its dataset.json says, where there is one.
    pub json: Option<DatasetJson>,
    /// Whether label maps that lie elsewhere are brought onto their images.
    resample_labels: bool,
}

/// How a folder is used.
#[derive(Clone, Copy, Default)]
pub(super) struct FolderOptions {
    /// Label maps of one structure each are combined.
    pub combine_structures: bool,
    /// Label maps that lie elsewhere are brought onto their images.
    pub resample_labels: bool,
    /// Files that belong to no case are not named: the command lists them itself.
    pub lists: bool,
}

impl Folder {
    /// Pairs what is in a folder, and says what belongs to no case.
    ///
    /// # Errors
    /// When it cannot be read or has no case.
    pub fn open(root: &Path, listing: Listing, options: FolderOptions, console: &Console) -> Result<Self, Failure> {
        let names = listing.names();
        let json = DatasetJson::find(&names)
            .and_then(|name| Some((name, listing.path(name)?)))
            .map(|(name, path)| Ok::<_, Error>(DatasetJson::parse(name, &read(path)?)))
            .transpose()?;
        let mut pairing = pair(&names, json.as_ref());
        if options.combine_structures {
            pairing.combine_structures();
        }
        let folder = Self {
            root: root.to_owned(),
            listing,
            pairing,
            json,
            resample_labels: options.resample_labels,
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
        let options = self.options(self.channels());
        at_once(read_case(files, &options, self.fetch()))
    }

    /// Reads a case's images alone; a single file may hold so many channels.
    pub fn read_images(&self, files: &CaseFiles, channels: usize) -> Result<Case, Error> {
        let images = CaseFiles {
            label: None,
            structures: Vec::new(),
            ..files.clone()
        };
        at_once(read_case(&images, &self.options(channels), self.fetch()))?.whole()
    }

    fn fetch(&self) -> impl AsyncFn(&str) -> Result<Vec<u8>, Error> {
        async |path: &str| read(&self.path(path))
    }

    fn options(&self, channels: usize) -> ReadOptions {
        ReadOptions {
            channels,
            frames: None,
            resample_labels: self.resample_labels,
        }
    }

    /// How many channels a case has by dataset.json.
    pub fn channels(&self) -> usize {
        let json = self.json.as_ref();
        json.and_then(|json| json.channels).unwrap_or(1)
    }

    /// What a case depends on beside its files.
    pub fn read_settings(&self) -> (usize, bool) {
        (self.channels(), self.resample_labels)
    }

    /// Names of labels by id, where the folder tells.
    pub fn label_names(&self) -> BTreeMap<u16, String> {
        let json = self.json.as_ref();
        json.map_or_else(BTreeMap::new, |json| json.names.clone())
    }

    /// Bytes that a case takes in memory, by the header of its image; what cannot be read takes none.
    pub fn case_bytes(&self, files: &CaseFiles) -> u64 {
        let Some(facts) = header(&self.path(files.image())) else {
            return 0;
        };
        let channels = match Frames::expected(facts.frames, self.channels()) {
            Some(Frames::Channels) => facts.frames,
            _ => files.channels.len(),
        };
        case_bytes(facts.grid.dims, channels, facts.datatype)
    }

    /// Where a file of the folder lies.
    pub fn path(&self, name: &str) -> PathBuf {
        let listed = self.listing.path(name).map(Path::to_owned);
        listed.unwrap_or_else(|| self.root.join(name))
    }
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
