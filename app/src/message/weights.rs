//! The current weights.

use medcontext_core::weights::{Metadata, sha256};
use serde::{Deserialize, Serialize};

use super::Handle;
use crate::platform::Blob;

/// The current weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightsInfo {
    /// The network, its size and what it labels, in words.
    pub summary: String,
    /// The name to save them under.
    pub file_name: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// What the file says of them.
    pub metadata: Box<Metadata>,
    /// The card that goes along with the file, in Markdown.
    pub card: String,
}

impl WeightsInfo {
    /// Of a weights file and its metadata.
    pub fn of(metadata: &Metadata, file: &[u8]) -> Self {
        let hash = sha256(file);
        Self {
            summary: metadata.summary(),
            file_name: metadata.file_name(),
            card: metadata.card(&hash),
            sha256: hash,
            metadata: Box::new(metadata.clone()),
        }
    }
}

/// New weights: trained here or dropped.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WeightsReport {
    /// What they are.
    pub info: WeightsInfo,
    /// The `.safetensors` file.
    pub file: Handle<Blob>,
}
