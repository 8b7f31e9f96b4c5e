//! The weights in use.

use medcontext_core::weights::{self, ImportOptions, Metadata, Precision, WeightsError};

use super::error::{Error, Result};
use super::session::Session;
use crate::message::{WeightsInfo, WeightsReport, WorkerReport};
use crate::platform::Blob;
use crate::saved::{blob, bytes_of, names};

/// Takes a dropped weights file into use. One from PyTorch is converted.
pub async fn import(session: &Session, path: &str, file: &Blob) -> Result<()> {
    let bytes = bytes_of(path, file).await?;
    let unusable = |source: WeightsError| Error::Weights {
        file: path.to_owned(),
        source: source.into(),
    };
    // Loading them once shows whether the file holds the network that it says.
    let options = ImportOptions::default();
    let device = &session.device.device;
    let loaded = weights::import(&bytes, &options, device).map_err(unusable)?;
    if loaded.assumed.is_empty() && loaded.missing.is_empty() {
        return session.take_weights(bytes, &loaded.metadata).await;
    }
    session.reporter.send(WorkerReport::Problem(format!(
        "{path}: converted from PyTorch; assumed: {}",
        loaded.assumed.join(", ")
    )));
    let converted = weights::save(&loaded.model, &loaded.metadata, Precision::F32).await;
    let converted = converted.map_err(unusable)?;
    session.take_weights(converted, &loaded.metadata).await
}

impl Session {
    /// Takes weights into use, stores them, and tells the page.
    pub async fn take_weights(&self, bytes: Vec<u8>, metadata: &Metadata) -> Result<()> {
        let file = blob(&bytes)?;
        self.store(names::WEIGHTS, &file.0).await;
        let info = WeightsInfo::of(metadata, &bytes);
        *self.weights.borrow_mut() = Some(bytes.into());
        self.reporter.send(WeightsReport { info, file });
        Ok(())
    }
}
