//! The page's private file system in the browser (OPFS), which survives a closed tab, a crash and a lost device.
//! Nothing in it leaves the browser.

use futures::channel::oneshot;
use futures::lock::Mutex;
use js_sys::{AsyncIterator, Function, IteratorNext, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, File, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions,
    FileSystemGetFileOptions, FileSystemWritableFileStream, StorageManager,
};

use super::{message, sleep};
use crate::platform::NoStorage;

/// The folder, and the lock that one tab at a time holds.
const NAME: &str = "medcontext-session";

/// A worker that has just died may still hold the lock for a moment.
const TRIES: usize = 10;
const BETWEEN_TRIES_MS: u32 = 150;

/// One folder of files, whose names may contain any character.
pub struct Storage {
    folder: FileSystemDirectoryHandle,
    /// Held while a file is written or removed: the browser refuses to open a file that is being removed.
    changing: Mutex<()>,
}

impl Storage {
    /// Opens the folder.
    ///
    /// # Errors
    /// When the browser has none, or another tab uses it.
    pub async fn open() -> Result<Self, NoStorage> {
        for _ in 0..TRIES {
            if lock().await.ok_or(NoStorage::NotOffered)? {
                return Self::folder().await.ok_or(NoStorage::NotOffered);
            }
            sleep(BETWEEN_TRIES_MS).await;
        }
        Err(NoStorage::InUse)
    }

    async fn folder() -> Option<Self> {
        let manager: StorageManager = navigator("storage")?.unchecked_into();
        let options = FileSystemGetDirectoryOptions::new();
        options.set_create(true);
        let root = JsFuture::from(manager.get_directory()).await.ok()?;
        let root: FileSystemDirectoryHandle = root.unchecked_into();
        let folder = root.get_directory_handle_with_options(NAME, &options);
        let folder = JsFuture::from(folder).await.ok()?.unchecked_into();
        Some(Self {
            folder,
            changing: Mutex::new(()),
        })
    }

    /// Writes a file atomically.
    ///
    /// # Errors
    /// When the browser's storage is full.
    pub async fn write(&self, name: &str, content: &Blob) -> Result<(), String> {
        let _changing = self.changing.lock().await;
        let written = self.replace(name, content).await;
        written.map_err(|reason| message(&reason))
    }

    async fn replace(&self, name: &str, content: &Blob) -> Result<(), JsValue> {
        let options = FileSystemGetFileOptions::new();
        options.set_create(true);
        let handle = self.folder.get_file_handle_with_options(&encode(name), &options);
        let handle: FileSystemFileHandle = JsFuture::from(handle).await?.unchecked_into();
        // The new content replaces the file only when the stream is closed.
        let stream = JsFuture::from(handle.create_writable()).await?;
        let stream: FileSystemWritableFileStream = stream.unchecked_into();
        JsFuture::from(stream.write_with_blob(content)?).await?;
        JsFuture::from(stream.close()).await?;
        Ok(())
    }

    /// A file, if it exists. Its bytes are only read where needed.
    ///
    /// # Errors
    /// When it exists but the browser cannot open it.
    pub async fn read(&self, name: &str) -> Result<Option<Blob>, String> {
        let file = self.file(name).await.map_err(|reason| message(&reason))?;
        Ok(file.map(Blob::from))
    }

    async fn file(&self, name: &str) -> Result<Option<File>, JsValue> {
        let handle = JsFuture::from(self.folder.get_file_handle(&encode(name))).await;
        let handle: FileSystemFileHandle = match handle {
            Ok(handle) => handle.unchecked_into(),
            Err(reason) if is_absence(&reason) => return Ok(None),
            Err(reason) => return Err(reason),
        };
        let file = JsFuture::from(handle.get_file()).await?;
        Ok(Some(file.unchecked_into()))
    }

    /// The names of all files.
    ///
    /// # Errors
    /// When the browser cannot list them.
    pub async fn names(&self) -> Result<Vec<String>, String> {
        self.list().await.map_err(|reason| message(&reason))
    }

    async fn list(&self) -> Result<Vec<String>, JsValue> {
        let keys: AsyncIterator = self.folder.keys();
        let mut names = Vec::new();
        loop {
            let item: IteratorNext = JsFuture::from(keys.next()?).await?.unchecked_into();
            if item.done() {
                return Ok(names);
            }
            names.extend(item.value().as_string().map(|name| decode(&name)));
        }
    }

    /// Removes a file, if it is there.
    pub async fn remove(&self, name: &str) {
        let _changing = self.changing.lock().await;
        // It fails where there is none, which is what is wanted.
        let _ = JsFuture::from(self.folder.remove_entry(&encode(name))).await;
    }

    /// Removes every file.
    ///
    /// # Errors
    /// When the browser cannot list them.
    pub async fn clear(&self) -> Result<(), String> {
        for name in self.names().await? {
            self.remove(&name).await;
        }
        Ok(())
    }
}

/// Whether a file could not be opened because there is none.
fn is_absence(reason: &JsValue) -> bool {
    let name = Reflect::get(reason, &"name".into()).ok();
    name.and_then(|name| name.as_string())
        .is_some_and(|name| name == "NotFoundError")
}

/// Paths have slashes, which the names of files cannot.
fn encode(name: &str) -> String {
    js_sys::encode_uri_component(name).into()
}

fn decode(name: &str) -> String {
    js_sys::decode_uri_component(name).map_or_else(|_| name.to_owned(), Into::into)
}

/// What the browser's navigator has under a name.
fn navigator(name: &str) -> Option<JsValue> {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into()).ok()?;
    let value = Reflect::get(&navigator, &name.into()).ok()?;
    value.is_object().then_some(value)
}

#[wasm_bindgen]
extern "C" {
    type LockManager;
    #[wasm_bindgen(method, catch)]
    fn request(this: &LockManager, name: &str, options: &JsValue, callback: &Function) -> Result<Promise, JsValue>;
}

/// Takes the lock for as long as this worker lives; false where another has it, nothing where the browser
/// knows no locks.
async fn lock() -> Option<bool> {
    let locks: LockManager = navigator("locks")?.unchecked_into();
    let options = js_sys::Object::new();
    Reflect::set(&options, &"ifAvailable".into(), &JsValue::TRUE).ok()?;
    let (answer, answered) = oneshot::channel();
    let callback = Closure::once_into_js(move |lock: JsValue| -> Promise {
        // Nobody waits for the answer any more only when the worker ends.
        let _ = answer.send(!lock.is_null());
        // The lock is held until this promise settles: never.
        Promise::new(&mut |_, _| {})
    });
    let request = locks.request(NAME, &options, callback.unchecked_ref());
    // The answer comes through the callback; this promise settles with the lock's end.
    drop(request.ok()?);
    answered.await.ok()
}
