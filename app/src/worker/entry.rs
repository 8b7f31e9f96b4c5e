//! What is known of a case, and the volumes that were read lately.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use medcontext_core::dataset::{Case, CaseFiles, Fix, case_bytes};
use medcontext_core::volume::{Datatype, Image, VolumeError};

use crate::message::CaseInfo;

/// Volumes that were used lately are kept up to this size.
const CACHE_BYTES: u64 = 512 << 20;

/// A case, and what is known of it.
pub struct Entry {
    /// Its files.
    pub files: CaseFiles,
    /// What the table shows.
    pub info: CaseInfo,
    /// Voxels of its image as `[depth, height, width]`.
    pub size: [usize; 3],
    /// How a voxel of its image is stored.
    pub datatype: Datatype,
    /// Names of labels, as far as its label map gives them.
    pub names: BTreeMap<u16, String>,
}

impl Entry {
    /// Bytes that its volumes take as they are read, as the network sees them, and labels.
    pub fn bytes(&self) -> u64 {
        case_bytes(self.size, self.info.channels, self.datatype)
    }
}

/// What came of reading a case's files.
#[derive(Clone)]
pub struct Reading {
    /// Its volumes. A label map that cannot be used is left out.
    pub case: Rc<Case>,
    /// What is odd about the files, one sentence each.
    pub problems: Vec<String>,
    /// What would repair that.
    pub fix: Option<Fix>,
}

/// The cases that were used last, the newest first.
#[derive(Default)]
pub struct VolumeCache(VecDeque<(CaseFiles, Reading)>);

impl VolumeCache {
    /// What was read of these files, if it is still there.
    pub fn get(&mut self, files: &CaseFiles) -> Option<Reading> {
        let place = self.0.iter().position(|(known, _)| known == files)?;
        let found = self.0.remove(place)?;
        let reading = found.1.clone();
        self.0.push_front(found);
        Some(reading)
    }

    /// Keeps what was read of these files; those used least recently make room.
    pub fn insert(&mut self, files: CaseFiles, reading: Reading) {
        self.0.push_front((files, reading));
        let mut bytes = 0;
        let fits = |(_, reading): &&(CaseFiles, Reading)| {
            bytes += size(&reading.case);
            bytes <= CACHE_BYTES
        };
        // The newest stays, however large it is.
        let fitting = self.0.iter().take_while(fits).count().max(1);
        self.0.truncate(fitting);
    }

    /// Forgets a case's volumes.
    pub fn remove(&mut self, id: &str) {
        self.0.retain(|(files, _)| files.id != id);
    }
}

/// Bytes of a case's volumes in memory.
fn size(case: &Case) -> u64 {
    let image = |image: &&Image| image.voxels().len() as u64 * image.voxels().datatype().bytes();
    let images: u64 = case.images().iter().map(image).sum();
    let labels = case.label.as_ref().map_or(0, |label| label.labels().len());
    images + labels as u64 * size_of::<u16>() as u64
}

/// Puts the file's name before what is wrong with it.
pub fn named(path: &str) -> impl FnOnce(VolumeError) -> medcontext_core::Error {
    let file = path.to_owned();
    move |source| medcontext_core::Error::Volume { file, source }
}
