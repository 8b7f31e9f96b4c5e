//! The session in the browser's storage.

use super::bytes::bytes_of;
use super::error::{Error, Result};
use super::names::{self, SESSION};
use crate::platform::{Blob, Storage};

/// A session's files where they outlive the tab. Without a storage it is empty and takes nothing.
pub struct SessionStore(Option<Storage>);

impl SessionStore {
    /// The session in this storage, if there is one.
    pub fn new(storage: Option<Storage>) -> Self {
        Self(storage)
    }

    /// Writes a file; false where there is no storage.
    ///
    /// # Errors
    /// When it has no room.
    pub async fn write(&self, name: &str, file: &Blob) -> Result<bool> {
        let Some(storage) = &self.0 else {
            return Ok(false);
        };
        storage.write(name, file).await.map_err(Error::NoRoom)?;
        Ok(true)
    }

    /// A file, if it is there.
    ///
    /// # Errors
    /// When the browser does not hand it over.
    pub async fn file(&self, name: &str) -> Result<Option<Blob>> {
        let Some(storage) = &self.0 else {
            return Ok(None);
        };
        let file = storage.read(name).await;
        file.map_err(|reason| Error::unreadable(name, reason))
    }

    /// The bytes of a file, if it is there.
    ///
    /// # Errors
    /// As for [`file`](Self::file).
    pub async fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self.file(name).await? {
            Some(file) => bytes_of(name, &file).await.map(Some),
            None => Ok(None),
        }
    }

    /// The names of all files.
    ///
    /// # Errors
    /// When the browser does not list them.
    pub async fn names(&self) -> Result<Vec<String>> {
        let Some(storage) = &self.0 else {
            return Ok(Vec::new());
        };
        let names = storage.names().await;
        names.map_err(|reason| Error::unreadable(SESSION, reason))
    }

    /// Removes a file, if it is there.
    pub async fn remove(&self, name: &str) {
        if let Some(storage) = &self.0 {
            storage.remove(name).await;
        }
    }

    /// Removes volumes, by their paths in the library.
    pub async fn remove_volumes(&self, paths: impl IntoIterator<Item = String>) {
        for path in paths {
            self.remove(&names::volume(&path)).await;
        }
    }

    /// Removes all files.
    ///
    /// # Errors
    /// When the browser does not list them.
    pub async fn clear(&self) -> Result<()> {
        // The session file first: without it the others are not taken for a session.
        self.remove(SESSION).await;
        if let Some(storage) = &self.0 {
            let cleared = storage.clear().await;
            cleared.map_err(|reason| Error::unreadable(SESSION, reason))?;
        }
        Ok(())
    }
}
