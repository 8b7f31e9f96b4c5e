//! From files to bytes and back.

use serde::Serialize;

use super::error::{Error, Result};
use crate::platform::{self, Blob, Handle};

/// A file's bytes.
pub async fn bytes_of(path: &str, file: &Blob) -> Result<Vec<u8>> {
    let bytes = platform::read(file).await;
    bytes.map_err(|reason| Error::unreadable(path, reason))
}

/// Bytes as a file that the page can show or save.
pub fn blob(bytes: &[u8]) -> Result<Handle<Blob>> {
    let blob = platform::blob(bytes).map_err(Error::NoBlob)?;
    Ok(Handle(blob))
}

/// A value as a JSON file of that name.
pub fn json_file(name: &str, value: &impl Serialize) -> Result<Blob> {
    let text = serde_json::to_vec(value).map_err(|reason| Error::Json {
        file: name.to_owned(),
        reason: reason.to_string(),
    })?;
    Ok(blob(&text)?.0)
}
