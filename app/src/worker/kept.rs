//! Files of the session in the browser's storage, where there is one.

use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, File};

use super::error::{Error, Result};
use super::files;
use super::session::Session;
use crate::saved::names::{CASES, SESSION};

/// Keeps the volumes that came in and are not kept yet, beside whatever else goes on: large ones take their
/// time, and nobody waits for it.
pub fn keep_new(session: &Rc<Session>) {
    if session.library().unkept.is_empty() || session.keeping.replace(true) {
        return;
    }
    let session = Rc::clone(session);
    spawn_local(async move {
        while let Some(path) = session.next_unkept() {
            let name = format!("{CASES}{path}");
            if let Ok(file) = session.file(&path) {
                session.keep(&name, &file).await;
            }
            // It may have been removed before or meanwhile.
            if session.file(&path).is_err() {
                session.drop_kept(&name).await;
            }
            // Not before: a worker that dies meanwhile has not kept it. Whatever came since stands behind it.
            let first = |next: &mut String| *next == path;
            session.library_mut().unkept.pop_front_if(first);
        }
        session.tell_library();
        session.keeping.set(false);
    });
}

impl Session {
    fn next_unkept(&self) -> Option<String> {
        self.library().unkept.front().cloned()
    }

    /// Keeps a file in the browser's storage, if there is one and it has room; says so once if not.
    pub async fn keep(&self, name: &str, file: &Blob) -> bool {
        let Some(storage) = &self.storage else {
            return false;
        };
        let outcome = storage.write(name, file).await;
        if let Err(reason) = &outcome {
            self.mention_once(Error::no_room(reason).to_string());
        }
        outcome.is_ok()
    }

    /// A file from the browser's storage.
    pub async fn kept(&self, name: &str) -> Result<Option<File>> {
        let Some(storage) = &self.storage else {
            return Ok(None);
        };
        let file = storage.read(name).await;
        file.map_err(|reason| Error::unreadable(name, &reason))
    }

    /// The bytes of a file from the browser's storage.
    pub async fn kept_bytes(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self.kept(name).await? {
            Some(file) => files::bytes_of(name, &file).await.map(Some),
            None => Ok(None),
        }
    }

    /// The names of the files in the browser's storage.
    pub async fn kept_names(&self) -> Result<Vec<String>> {
        let Some(storage) = &self.storage else {
            return Ok(Vec::new());
        };
        let names = storage.names().await;
        names.map_err(|reason| Error::unreadable(SESSION, &reason))
    }

    /// Removes a file from the browser's storage.
    pub async fn drop_kept(&self, name: &str) {
        if let Some(storage) = &self.storage {
            storage.remove(name).await;
        }
    }

    /// Empties the browser's storage.
    pub async fn forget_kept(&self) -> Result<()> {
        // First what the page would find the others by.
        self.drop_kept(SESSION).await;
        if let Some(storage) = &self.storage {
            let cleared = storage.clear().await;
            cleared.map_err(|reason| Error::unreadable(SESSION, &reason))?;
        }
        Ok(())
    }
}
