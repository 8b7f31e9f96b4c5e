//! The weights at hand.

use medcontext_core::weights::{self, ImportOptions, Metadata, Precision, WeightsError, sha256};

use super::bytes::{blob, bytes_of};
use super::error::{Error, Result};
use super::session::Session;
use crate::message::{WeightsInfo, WeightsReport, WorkerReport};
use crate::platform::Blob;
use crate::saved::names;

/// Takes a dropped weights file as the weights at hand. One from PyTorch is converted.
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
    /// Takes weights as those at hand, stores them, and tells the page.
    pub async fn take_weights(&self, bytes: Vec<u8>, metadata: &Metadata) -> Result<()> {
        let file = blob(&bytes)?;
        self.store(names::WEIGHTS, &file.0).await;
        let info = describe(metadata, &bytes);
        *self.weights.borrow_mut() = Some(bytes.into());
        self.reporter.send(WeightsReport { info, file });
        Ok(())
    }
}

/// Weights in words.
fn describe(metadata: &Metadata, file: &[u8]) -> WeightsInfo {
    let Metadata {
        network,
        patch: [depth, height, width],
        labels,
        training,
        ..
    } = metadata;
    let backbone = network.backbone();
    let names: Vec<&str> = labels.names().iter().skip(1).map(String::as_str).collect();
    let hash = sha256(file);
    let with = if training.medcontext { "with" } else { "without" };
    WeightsInfo {
        summary: format!(
            "{}, patch {depth} × {height} × {width}, for {}: {} iterations {with} MedContext{}",
            backbone.title(),
            names.join(", "),
            training.iterations,
            training
                .validation_dice
                .map_or(String::new(), |dice| format!(", Dice {dice:.3} on held-out cases")),
        ),
        file_name: format!("medcontext-{backbone}-{}.safetensors", training.iterations),
        card: metadata.card(&hash),
        sha256: hash,
    }
}
