//! Stores files in the browser as they arrive.

use std::rc::Rc;

use super::session::Session;
use crate::platform::{Blob, spawn_local};
use crate::saved::names;

/// Stores the volumes that are not stored yet, in the background: large ones take a while, and nothing waits for
/// them.
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
                session.stored.remove(&names::volume(&path)).await;
            }
            // Only now: a worker that died meanwhile would not have stored it.
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

    /// Stores a file, if there is a storage and it has room; says once if it has not.
    pub async fn store(&self, name: &str, file: &Blob) -> bool {
        let stored = self.stored.write(name, file).await;
        stored.unwrap_or_else(|error| {
            self.mention_once(error.to_string());
            false
        })
    }
}
