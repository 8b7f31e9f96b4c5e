//! A session as files by name, out of the browser's storage or an archive, or on their way into one.

use std::collections::BTreeMap;

use medcontext_core::dataset::{Choices, drawing_path};
use serde::de::DeserializeOwned;

use super::archive::unpack;
use super::bytes::{blob, bytes_of, json_file};
use super::error::{Error, Result};
use super::names;
use super::session::{FileLibrary, Saved};
use super::store::SessionStore;
use crate::platform::{Blob, Handle};

/// The files of a session, by the names of [`names`].
#[derive(Default)]
pub struct Contents(BTreeMap<String, Blob>);

impl Contents {
    /// The session in the browser's storage, with what cannot be read of it.
    ///
    /// # Errors
    /// When the browser does not list its files.
    pub async fn of_store(store: &SessionStore) -> Result<(Self, Vec<Error>)> {
        let (mut files, mut problems) = (BTreeMap::new(), Vec::new());
        for name in store.names().await? {
            match store.file(&name).await {
                Ok(file) => files.extend(file.map(|file| (name, file))),
                Err(error) => problems.push(error),
            }
        }
        Ok((Self(files), problems))
    }

    /// The session in the archive at `path`, and what is known beside its files.
    ///
    /// # Errors
    /// When it is not an archive, or holds no session.
    pub async fn of_archive(path: &str, file: &Blob) -> Result<(Self, Saved)> {
        let no_session = |reason: String| Error::NoSession {
            file: path.to_owned(),
            reason,
        };
        let files = unpack(&bytes_of(path, file).await?).map_err(|error| no_session(error.to_string()))?;
        let saved = files
            .get(names::SESSION)
            .ok_or_else(|| no_session(format!("it holds no {}", names::SESSION)))?;
        let saved = parse(&bytes_of(path, saved).await?).map_err(no_session)?;
        Ok((Self(files), saved))
    }

    /// The session of a library and of what is known beside it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn of_session(library: &FileLibrary, saved: &Saved) -> Result<Self> {
        let mut files = BTreeMap::from([
            (names::SESSION.to_owned(), json_file(names::SESSION, saved)?),
            (names::CHOICES.to_owned(), json_file(names::CHOICES, library.choices())?),
        ]);
        let volumes = library.files();
        files.extend(volumes.map(|(path, Handle(file))| (names::volume(path), file.clone())));
        Ok(Self(files))
    }

    /// The files by name.
    pub fn files(&self) -> impl Iterator<Item = (&String, &Blob)> {
        self.0.iter()
    }

    /// The file of this name, if there is one.
    pub fn get(&self, name: &str) -> Option<&Blob> {
        self.0.get(name)
    }

    /// Takes the file of this name out.
    pub fn take(&mut self, name: &str) -> Option<Handle<Blob>> {
        self.0.remove(name).map(Handle)
    }

    /// Moves the drawings of a session of the first format to where they are now. Returns their names before and
    /// now.
    ///
    /// # Errors
    /// As [`library`](Self::library).
    pub async fn move_drawings(&mut self) -> Result<Vec<(String, String)>> {
        let (mut library, _) = self.library().await?;
        let adopted = library.adopt_earlier_drawings().into_iter();
        let moved = adopted.filter_map(|(path, case)| {
            let (before, now) = (names::volume(&path), names::volume(&drawing_path(&case)));
            let file = self.0.remove(&before)?;
            self.0.insert(now.clone(), file);
            Some((before, now))
        });
        Ok(moved.collect())
    }

    /// The files that cases are made of and what was decided about them; and why the decisions are not there, if
    /// they cannot be read.
    ///
    /// # Errors
    /// When the browser does not hand over a dataset.json.
    pub async fn library(&self) -> Result<(FileLibrary, Option<Error>)> {
        let mut library = FileLibrary::default();
        for (name, file) in &self.0 {
            let Some(path) = names::library_path(name) else {
                continue;
            };
            if path.ends_with(".json") {
                let bytes = bytes_of(&path, file).await?;
                // A copy: the file in the browser's storage may be overwritten.
                library.add_dataset_json(&path, &bytes, blob(&bytes)?);
            } else {
                library.restore(&path, Handle(file.clone()));
            }
        }
        let Some(file) = self.get(names::CHOICES) else {
            return Ok((library, None));
        };
        match choices(file).await {
            Ok(choices) => library.restore_choices(choices),
            Err(error) => return Ok((library, Some(error))),
        }
        Ok((library, None))
    }
}

impl Saved {
    /// The form in which files are stored now.
    pub const FORMAT: u32 = 1;

    /// What an earlier session left in the browser's storage, if it is worth going back to.
    ///
    /// # Errors
    /// When it is there and cannot be read: another version may have written it differently.
    pub async fn find(store: &SessionStore) -> Result<Option<Self>> {
        let Some(bytes) = store.bytes(names::SESSION).await? else {
            return Ok(None);
        };
        let saved: Self = parse(&bytes).map_err(Error::UnreadableSession)?;
        Ok((!saved.roles.is_empty()).then_some(saved))
    }
}

async fn choices(file: &Blob) -> Result<Choices> {
    let bytes = bytes_of(names::CHOICES, file).await?;
    parse(&bytes).map_err(|reason| Error::Choices {
        file: names::CHOICES.to_owned(),
        reason,
    })
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| error.to_string())
}
