//! Prepared cases in a folder, so that a data set need not fit into memory and is prepared once. Several runs may share
//! one, also concurrently.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::Failure;
use super::files::{AtomicFile, encoded, make_folder, unreadable, unwritable};
use super::folder::Folder;
use crate::Error;
use crate::dataset::{CaseFiles, CaseFingerprint, LabelSet};
use crate::file_names::fitting;
use crate::train::{TrainConfig, prepare};
use crate::transform::{CaseFile, SampledCase};
use crate::weights::sha256;

/// Incremented when the preparation of cases changes, so that older files are not used.
const VERSION: u32 = 2;

/// The same of fingerprints: raised when more is measured. 3: facts of the voxels; 4: without ignored ones.
const FINGERPRINT_VERSION: u32 = 4;

/// A folder of fingerprints and prepared cases. A file's name depends on the case's files and the settings it was
/// prepared with: nothing needs to be cleared when they change.
#[derive(Clone)]
pub(super) struct Cache {
    folder: PathBuf,
}

/// A fingerprint and the files that it describes.
#[derive(Serialize, Deserialize)]
struct CachedFingerprint {
    origin: String,
    #[serde(rename = "outline")]
    fingerprint: CaseFingerprint,
}

impl Cache {
    /// Opens a cache folder, creating it if needed.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        make_folder(folder, true)?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// A case's fingerprint: cached, or computed by reading the case.
    pub fn fingerprint(&self, source: &Folder, files: &CaseFiles) -> Result<CaseFingerprint, Failure> {
        let origin = serde_json::json!([FINGERPRINT_VERSION, stamps(source, files)?]).to_string();
        let path = self.path(files, &origin, "json");
        let cached = |bytes: &[u8]| {
            let cached: Option<CachedFingerprint> = serde_json::from_slice(bytes).ok();
            cached.filter(|cached| cached.origin == origin)
        };
        if let Some(cached) = fs::read(&path).ok().as_deref().and_then(cached) {
            return Ok(cached.fingerprint);
        }
        let fingerprint = CaseFingerprint::of(&source.read(files)?);
        let cached = CachedFingerprint { origin, fingerprint };
        let bytes = encoded(&path, serde_json::to_vec(&cached))?;
        AtomicFile::among_others(&path)?.fill(&bytes)?;
        Ok(cached.fingerprint)
    }

    /// A case prepared for training: cached, or prepared now.
    pub fn prepared(
        &self,
        source: &Folder,
        files: &CaseFiles,
        labels: &LabelSet,
        config: &TrainConfig,
    ) -> Result<SampledCase, Failure> {
        let stamps = stamps(source, files)?;
        let settings = (&config.preprocessing, config.patch, labels);
        let origin = serde_json::json!([VERSION, stamps, settings]).to_string();
        let path = self.path(files, &origin, "safetensors");
        if let Some(cached) = CaseFile::open(&path, &origin) {
            return Ok(cached.into());
        }
        let case = prepare(&source.read(files)?, labels, config);
        let bytes = CaseFile::serialize(&case, &origin);
        let bytes = bytes.map_err(|error| unwritable(&path, &error))?;
        AtomicFile::among_others(&path)?.fill(&bytes)?;
        let opened = CaseFile::open(&path, &origin).ok_or_else(|| Error::Unreadable {
            file: path.display().to_string(),
            problem: "it was written and is not what it should be".to_owned(),
        });
        Ok(opened?.into())
    }

    fn path(&self, files: &CaseFiles, origin: &str, ending: &str) -> PathBuf {
        let plain = |letter: char| {
            if letter.is_alphanumeric() { letter } else { '_' }
        };
        let id: String = files.id.chars().map(plain).collect();
        let hash = sha256(origin.as_bytes());
        self.folder.join(fitting(&id, &format!("-{hash:.16}.{ending}")))
    }
}

/// Name, size in bytes and modification time (nanoseconds) of each of a case's files, and how they are read.
fn stamps(source: &Folder, files: &CaseFiles) -> Result<serde_json::Value, Error> {
    let mut stamps = Vec::new();
    for name in files.names() {
        let path = source.path(name);
        let facts = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        let changed = facts.modified().ok();
        let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        // Relative, so that machines that mount the folder at different paths agree.
        stamps.push((
            source.listing.below(name),
            facts.len(),
            changed.map(|time| time.as_nanos() as u64),
        ));
    }
    let structures: Vec<u16> = files.structures.iter().map(|structure| structure.id).collect();
    let options = source.library.read_options(files);
    let partial = (options.ignored, options.labeled_slices);
    let options = (options.channels, options.resample_labels);
    // What was prepared where neither is chosen is named as it was before there was a choice.
    Ok(match partial {
        (None, None) => serde_json::json!([stamps, structures, options]),
        _ => serde_json::json!([stamps, structures, options, partial]),
    })
}
