//! Sessions and results as one `.zip`. Its entries are stored, not compressed: volumes are compressed already,
//! and weights do not get smaller.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::bytes::{blob, bytes_of};
use super::error::{Error, Result};
use crate::platform::{Blob, Handle};

/// Puts files into an archive.
pub async fn pack(files: &[(String, Blob)]) -> Result<Handle<Blob>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, file) in files {
        let content = bytes_of(name, file).await?;
        writer
            .start_file(name.as_str(), options)
            .map_err(|error| wrong(&error))?;
        writer.write_all(&content).map_err(|error| wrong(&error))?;
    }
    blob(&writer.finish().map_err(|error| wrong(&error))?.into_inner())
}

/// Takes an archive apart.
pub fn unpack(archive: &[u8]) -> Result<BTreeMap<String, Blob>> {
    let mut archive = ZipArchive::new(Cursor::new(archive)).map_err(|error| wrong(&error))?;
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| wrong(&error))?;
        // A compressed entry would not be one of ours, and could unpack to anything.
        if entry.is_file() && entry.compression() == CompressionMethod::Stored {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(|error| wrong(&error))?;
            let name = entry.name().map_err(|error| wrong(&error))?.into_owned();
            files.insert(name, blob(&content)?.0);
        }
    }
    Ok(files)
}

fn wrong(error: &dyn std::error::Error) -> Error {
    Error::Archive(error.to_string())
}
