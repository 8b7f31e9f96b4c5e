//! Files of the session in the browser's storage, where there is one.

use std::rc::Rc;

use super::bytes::bytes_of;
use super::error::{Error, Result};
use super::session::Session;
use crate::platform::{Blob, spawn_local};
use crate::saved::names::{self, SESSION};

/// Stores the volumes that came in and are not stored yet, beside whatever else goes on: large ones take their
/// time, and nobody waits for it.
pub fn store_new(session: &Rc<Session>) {
    if session.library().next_unstored().is_none() || session.storing.replace(true) {
        return;
    }
    let session = Rc::clone(session);
    spawn_local(async move {
        while let Some(path) = session.next_unstored() {
            if let Ok(file) = session.file(&path) {
                session.store(&names::volume(&path), &file).await;
            }
            // It may have been removed before or meanwhile.
            if session.file(&path).is_err() {
                session.drop_stored(&names::volume(&path)).await;
            }
            // Not before: a worker that dies meanwhile has not stored it. Whatever came since stands behind it.
            session.library_mut().stored(&path);
        }
        session.tell_library();
        session.storing.set(false);
    });
}

impl Session {
    fn next_unstored(&self) -> Option<String> {
        self.library().next_unstored().cloned()
    }

    /// Puts a file into the browser's storage, if there is one and it has room; says so once if not.
    pub async fn store(&self, name: &str, file: &Blob) -> bool {
        let Some(storage) = &self.storage else {
            return false;
        };
        let outcome = storage.write(name, file).await;
        let stored = outcome.is_ok();
        if let Err(reason) = outcome {
            self.mention_once(Error::NoRoom(reason).to_string());
        }
        stored
    }

    /// A file from the browser's storage.
    pub async fn stored(&self, name: &str) -> Result<Option<Blob>> {
        let Some(storage) = &self.storage else {
            return Ok(None);
        };
        let file = storage.read(name).await;
        file.map_err(|reason| Error::unreadable(name, reason))
    }

    /// The bytes of a file from the browser's storage.
    pub async fn stored_bytes(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self.stored(name).await? {
            Some(file) => bytes_of(name, &file).await.map(Some),
            None => Ok(None),
        }
    }

    /// The names of the files in the browser's storage.
    pub async fn stored_names(&self) -> Result<Vec<String>> {
        let Some(storage) = &self.storage else {
            return Ok(Vec::new());
        };
        let names = storage.names().await;
        names.map_err(|reason| Error::unreadable(SESSION, reason))
    }

    /// Removes a file from the browser's storage.
    pub async fn drop_stored(&self, name: &str) {
        if let Some(storage) = &self.storage {
            storage.remove(name).await;
        }
    }

    /// Removes volumes from the browser's storage, by their paths.
    pub async fn drop_volumes(&self, paths: impl IntoIterator<Item = String>) {
        for path in paths {
            self.drop_stored(&names::volume(&path)).await;
        }
    }

    /// Empties the browser's storage.
    pub async fn clear_storage(&self) -> Result<()> {
        // First what the page would find the others by.
        self.drop_stored(SESSION).await;
        if let Some(storage) = &self.storage {
            let cleared = storage.clear().await;
            cleared.map_err(|reason| Error::unreadable(SESSION, reason))?;
        }
        Ok(())
    }
}
