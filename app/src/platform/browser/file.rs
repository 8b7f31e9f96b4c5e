//! Files, as handles: their bytes are read where and when they are needed.

use js_sys::{Array, Uint8Array};
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
pub use web_sys::{Blob, File};

use super::message;

/// A browser object that is passed by reference inside a message.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handle<T: JsCast>(#[serde(with = "serde_wasm_bindgen::preserve")] pub T);

/// A file's bytes.
///
/// # Errors
/// The browser's message, when it cannot read the file.
pub async fn read(file: &Blob) -> Result<Vec<u8>, String> {
    let buffer = JsFuture::from(file.array_buffer()).await;
    let buffer: JsValue = buffer.map_err(|reason| message(&reason))?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// A file's first bytes, at most `bytes`.
///
/// # Errors
/// As for [`read`].
pub async fn read_start(file: &Blob, bytes: usize) -> Result<Vec<u8>, String> {
    let start = file.slice_with_f64_and_f64(0.0, bytes as f64);
    read(&start.map_err(|reason| message(&reason))?).await
}

/// Bytes as a file that the page can show or save.
///
/// # Errors
/// The browser's message, when it has no memory for them.
pub fn blob(bytes: &[u8]) -> Result<Blob, String> {
    let parts = Array::of1(&Uint8Array::from(bytes));
    Blob::new_with_u8_array_sequence(&parts).map_err(|reason| message(&reason))
}

/// The same, as if it had been dropped under this name.
///
/// # Errors
/// As for [`blob`].
pub fn file(bytes: &[u8], name: &str) -> Result<File, String> {
    let parts = Array::of1(&Uint8Array::from(bytes));
    File::new_with_u8_array_sequence(&parts, name).map_err(|reason| message(&reason))
}

/// A dropped file as a blob.
pub fn as_blob(file: File) -> Blob {
    file.into()
}
