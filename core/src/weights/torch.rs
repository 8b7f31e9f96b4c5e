//! Files of `torch.save`: a ZIP archive since PyTorch 1.6, consecutive pickles before.

mod view;
mod walk;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{Cursor, Read};

use self::view::{View, storage, width};
use self::walk::{Found, Walk};
use super::part::Dictionary;
use super::pickle::{self, Node, Pickle};
use super::raw::Tensors;

/// The first value of a file before PyTorch 1.6, little-endian.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Whether the bytes are one of the two formats.
pub(super) fn is_torch(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || is_legacy(bytes)
}

fn is_legacy(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x80, 0x02, 0x8a, 0x0a]) && bytes[4..].starts_with(&LEGACY_MAGIC)
}

/// A checkpoint whose tensors are not read yet.
pub(super) struct Checkpoint<'a> {
    pickle: Pickle,
    storages: Storages<'a>,
    size: usize,
}

/// Where values are stored.
enum Storages<'a> {
    /// Entries of an archive, in this folder.
    Archive(zip::ZipArchive<Cursor<&'a [u8]>>, String),
    /// Parts of the file, by key.
    Parts(HashMap<String, &'a [u8]>),
}

impl<'a> Checkpoint<'a> {
    /// Opens a file without reading its tensors.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, String> {
        if is_legacy(bytes) {
            return open_legacy(bytes);
        }
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
        let names = archive.file_names().filter_map(Result::ok);
        let main = names
            .map(Cow::into_owned)
            .find(|name| *name == "data.pkl" || name.ends_with("/data.pkl"))
            .ok_or("it is an archive without data.pkl, so PyTorch did not write it")?;
        let folder = main.trim_end_matches("data.pkl").to_owned();
        let pickle = pickle::parse(&entry(&mut archive, &main)?)?;
        Ok(Self {
            pickle,
            storages: Storages::Archive(archive, folder),
            size: bytes.len(),
        })
    }

    /// Names and shapes of the tensors of each dictionary, and of each module that was saved whole.
    pub(super) fn dictionaries(&self) -> Vec<Dictionary> {
        let described = self.found().into_iter().map(|(path, views)| Dictionary {
            path,
            shapes: views.into_iter().map(|(name, view)| (name, view.shape)).collect(),
        });
        described.collect()
    }

    /// Copies tensors of a dictionary, given by its index, out of their storages; `names` maps new names to those in
    /// the file. Together they may take a few times the file's size, for those that share a storage, but no more.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence.
    pub(super) fn read(
        mut self,
        dictionary: usize,
        names: &BTreeMap<String, String>,
    ) -> Result<Tensors<'static>, String> {
        let found = self.found().into_iter().nth(dictionary);
        let mut views: BTreeMap<String, View> = found.into_iter().flat_map(|(_, views)| views).collect();
        let mut budget = self.size.saturating_mul(4);
        let mut tensors = Tensors::new();
        let mut read: HashMap<String, Cow<'_, [u8]>> = HashMap::new();
        for (name, original) in names {
            let Some(view) = views.remove(original) else {
                continue;
            };
            if !read.contains_key(&view.storage) {
                let storage = self.storages.read(&view.storage)?;
                read.insert(view.storage.clone(), storage);
            }
            let storage = read.get(&view.storage);
            let tensor = storage.and_then(|storage| view.read(storage, budget));
            let tensor = tensor.ok_or_else(|| format!("{original} reaches beyond its data"))?;
            budget -= tensor.bytes.len();
            tensors.insert(name.clone(), tensor);
        }
        Ok(tensors)
    }

    /// The tensors of each dictionary, with the keys that lead to it.
    fn found(&self) -> Vec<Found> {
        Walk::through(&self.pickle)
    }
}

impl<'a> Storages<'a> {
    /// The values of a storage.
    fn read(&mut self, key: &str) -> Result<Cow<'a, [u8]>, String> {
        match self {
            Self::Archive(archive, folder) => Ok(Cow::Owned(entry(archive, &format!("{folder}data/{key}"))?)),
            Self::Parts(parts) => {
                let part = parts.get(key).copied().map(Cow::Borrowed);
                part.ok_or_else(|| format!("it lacks the storage {key}"))
            }
        }
    }
}

fn entry(archive: &mut zip::ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Vec<u8>, String> {
    let mut file = archive.by_name(name).map_err(|e| format!("{name}: {e}"))?;
    let mut data = Vec::new();
    file.read_to_end(&mut data).map_err(|e| format!("{name}: {e}"))?;
    Ok(data)
}

/// Five pickles (magic number, protocol, machine, checkpoint, order of the storages), then each
/// storage's count and values.
fn open_legacy(bytes: &[u8]) -> Result<Checkpoint<'_>, String> {
    let mut rest = bytes;
    let mut next = || -> Result<Pickle, String> {
        let pickle = pickle::parse(rest)?;
        rest = &rest[pickle.length..];
        Ok(pickle)
    };
    for _ in 0..3 {
        next()?;
    }
    let (checkpoint, order) = (next()?, next()?);
    let widths = storage_widths(&checkpoint);
    let keys = order.sequence(order.root());
    let mut parts = HashMap::new();
    for &key in keys.ok_or("its storages have no order")? {
        let key = order.text(key).ok_or("its storages have no names")?;
        let (count, data) = rest.split_at_checked(8).ok_or("it ends too early")?;
        let count = count.iter().rev().fold(0u64, |v, &b| v << 8 | u64::from(b));
        let width = widths.get(key).copied().unwrap_or(1);
        let length = usize::try_from(count).ok().and_then(|c| c.checked_mul(width));
        let split = length.and_then(|length| data.split_at_checked(length));
        let (data, after) = split.ok_or("it ends too early")?;
        parts.insert(key.to_owned(), data);
        rest = after;
    }
    Ok(Checkpoint {
        pickle: checkpoint,
        storages: Storages::Parts(parts),
        size: bytes.len(),
    })
}

/// Bytes of one value of each storage that a pickle names.
fn storage_widths(pickle: &Pickle) -> HashMap<String, usize> {
    let named = pickle.nodes().iter().filter_map(|node| match node {
        Node::Persistent(reference) => storage(pickle, *reference),
        _ => None,
    });
    named.map(|(key, dtype)| (key.to_owned(), width(dtype))).collect()
}

#[cfg(test)]
mod tests;
