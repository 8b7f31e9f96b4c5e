//! What a weights file says about itself.

use burn::tensor::Device;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use super::WeightsError;
use crate::backbone::{Model, Network};
use crate::dataset::LabelSet;
use crate::transform::Preprocessing;

/// Key under which the metadata stands in the safetensors header.
pub(super) const KEY: &str = "medcontext";

/// Everything needed to use the weights again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Version of the program that wrote the file.
    pub version: String,
    /// Architectural numbers.
    pub network: Network,
    /// Input channels.
    pub channels: usize,
    /// Patch `[depth, height, width]` in voxels that the network was built for.
    pub patch: [usize; 3],
    /// What an image goes through before the network sees it. Its fields stand beside the others in
    /// the file, so that files from before there were spacings are read.
    #[serde(flatten)]
    pub preprocessing: Preprocessing,
    /// The labels, by output channel.
    pub labels: LabelSet,
    /// How the weights came to be.
    pub training: Training,
}

/// A summary of the training run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Steps done.
    pub iterations: usize,
    /// Whether MedContext was on.
    pub medcontext: bool,
    /// Seed of the run.
    pub seed: u64,
    /// Cases trained on.
    pub cases: usize,
    /// Mean Dice on the validation cases at that step, where it was measured.
    pub validation_dice: Option<f64>,
}

impl Metadata {
    /// Reads the metadata of a weights file, without its tensors.
    ///
    /// # Errors
    /// When the bytes are not safetensors or carry no metadata of ours.
    pub fn read(bytes: &[u8]) -> Result<Self, WeightsError> {
        let (_, header) = SafeTensors::read_metadata(bytes)
            .map_err(|error| WeightsError::Format(error.to_string()))?;
        let text = header
            .metadata()
            .as_ref()
            .and_then(|map| map.get(KEY))
            .ok_or(WeightsError::NoMetadata)?;
        let metadata: Self = serde_json::from_str(text)
            .map_err(|error| WeightsError::BadMetadata(error.to_string()))?;
        metadata
            .network
            .check(metadata.patch)
            .map_err(WeightsError::BadMetadata)?;
        Ok(metadata)
    }

    /// The network that it describes, with new parameters, on `device`.
    pub fn build(&self, device: &Device) -> Model {
        let (channels, outputs) = (self.channels, self.labels.outputs());
        self.network.build(channels, outputs, self.patch, 0, device)
    }

    /// Whether the network takes as many channels as a case has.
    ///
    /// # Errors
    /// When it takes another number.
    pub fn check_channels(&self, case: usize) -> Result<(), WeightsError> {
        if self.channels == case {
            return Ok(());
        }
        Err(WeightsError::Channels {
            network: self.channels,
            case,
        })
    }

    /// The network in words, for messages: backbone, channels, classes and patch.
    pub fn describe(&self) -> String {
        format!(
            "{} with {} classes and patch {:?}",
            self.network.backbone(),
            self.labels.classes(),
            self.patch
        )
    }
}
