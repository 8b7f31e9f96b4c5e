//! Files coming in, by drop or by a file dialog, and files going out.

use gloo_timers::callback::Timeout;
use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, DataTransfer, File, FileList, FileSystemDirectoryEntry, FileSystemEntry, FileSystemFileEntry,
    HtmlAnchorElement, Url,
};

use crate::message::{Handle, Upload};

/// How long a saved file's address stays valid: browsers read it after the click.
const SAVING_MS: u32 = 60_000;

/// The content of a drop. The browser discards it after the drop's event, so it is read immediately.
pub struct Drop {
    /// Files and folders.
    entries: Vec<FileSystemEntry>,
    /// Files that are not part of a file system but were created by a program.
    files: Vec<File>,
}

impl Drop {
    /// Reads a drop.
    pub fn new(transfer: &DataTransfer) -> Self {
        let mut drop = Self {
            entries: Vec::new(),
            files: Vec::new(),
        };
        let items = transfer.items();
        for item in (0..items.length()).filter_map(|index| items.get(index)) {
            match item.webkit_get_as_entry() {
                Ok(Some(entry)) => drop.entries.push(entry),
                _ => drop.files.extend(item.get_as_file().ok().flatten()),
            }
        }
        drop
    }

    /// All files in it, those in folders with their path.
    ///
    /// # Errors
    /// When the browser cannot read a folder.
    pub async fn uploads(self) -> Result<Vec<Upload>, JsValue> {
        let mut uploads: Vec<Upload> = self.files.into_iter().map(|f| upload(f.name(), f)).collect();
        let mut waiting = self.entries;
        while let Some(entry) = waiting.pop() {
            if entry.is_directory() {
                waiting.extend(children(entry.unchecked_into()).await?);
            } else {
                let path = entry.full_path().trim_start_matches('/').to_owned();
                uploads.push(upload(path, file(&entry.unchecked_into()).await?));
            }
        }
        Ok(uploads)
    }
}

/// The content of a folder. The browser lists a hundred names at a time, and none at the end.
async fn children(folder: FileSystemDirectoryEntry) -> Result<Vec<FileSystemEntry>, JsValue> {
    let reader = folder.create_reader();
    let mut all = Vec::new();
    loop {
        let list = |resolve: &Function, reject: &Function| {
            if let Err(error) = reader.read_entries_with_callback_and_callback(resolve, reject) {
                // Rejecting a promise cannot fail.
                let _ = reject.call1(&JsValue::NULL, &error);
            }
        };
        let batch: Array = settle(list).await?.unchecked_into();
        if batch.length() == 0 {
            return Ok(all);
        }
        all.extend(batch.iter().map(JsCast::unchecked_into::<FileSystemEntry>));
    }
}

/// The file behind an entry.
async fn file(entry: &FileSystemFileEntry) -> Result<File, JsValue> {
    let file = settle(|resolve, reject| entry.file_with_callback_and_callback(resolve, reject));
    Ok(file.await?.unchecked_into())
}

/// Waits for a browser function that takes two callbacks.
async fn settle(mut start: impl FnMut(&Function, &Function)) -> Result<JsValue, JsValue> {
    let mut start = |resolve: Function, reject: Function| start(&resolve, &reject);
    JsFuture::from(Promise::new(&mut start)).await
}

/// The files from a file dialog, those in folders with their path.
pub fn from_dialog(list: &FileList) -> Vec<Upload> {
    (0..list.length())
        .filter_map(|index| list.get(index))
        .map(|file| {
            let path = Reflect::get(&file, &"webkitRelativePath".into()).ok();
            let path = path.and_then(|path| path.as_string()).filter(|path| !path.is_empty());
            upload(path.unwrap_or_else(|| file.name()), file)
        })
        .collect()
}

/// A file made here, as if it had been dropped.
pub fn from_blob(name: &str, blob: &Blob) -> Vec<Upload> {
    File::new_with_blob_sequence(&Array::of1(blob), name)
        .map(|file| upload(name.to_owned(), file))
        .into_iter()
        .collect()
}

fn upload(path: String, file: File) -> Upload {
    Upload {
        path,
        file: Handle(file),
    }
}

/// Saves a file under this name, where the browser saves downloads.
///
/// # Errors
/// When the browser cannot make an address for the file.
pub fn save(name: &str, blob: &Blob) -> Result<(), JsValue> {
    let url = Url::create_object_url_with_blob(blob)?;
    if let Some(document) = web_sys::window().and_then(|window| window.document()) {
        let anchor: HtmlAnchorElement = document.create_element("a")?.unchecked_into();
        anchor.set_href(&url);
        anchor.set_download(name);
        anchor.click();
    }
    // Revoking an address that no longer exists is harmless.
    Timeout::new(SAVING_MS, move || drop(Url::revoke_object_url(&url))).forget();
    Ok(())
}
