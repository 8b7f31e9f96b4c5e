//! The first stage of a cascade, once it is trained.

use burn::tensor::Device;

use crate::backbone::Model;
use crate::infer::Predictor;
use crate::train::{RunState, Start};
use crate::weights::{self, COARSE, Metadata, WeightsError};

/// The network of the first stage.
pub(super) struct Coarse {
    /// Outside autodiff.
    pub model: Model,
    pub metadata: Metadata,
}

impl Coarse {
    /// The first stage that the start of a run holds, if it does, on `device`.
    pub fn of(start: Start, device: &Device) -> Result<Option<Self>, WeightsError> {
        let (bytes, metadata) = match start {
            Start::Scratch => return Ok(None),
            Start::Resume(bytes) => (bytes, RunState::read(bytes)?.coarse),
            Start::Weights(bytes) => match Metadata::read(bytes) {
                Err(WeightsError::NoMetadata) => return Ok(None),
                found => (bytes, found?.coarse),
            },
        };
        let Some(metadata) = metadata else {
            return Ok(None);
        };
        let tensors = weights::read_safetensors(bytes)?;
        Ok(Some(Self {
            model: weights::fill_part(metadata.build(device), &tensors, COARSE)?,
            metadata: *metadata,
        }))
    }

    pub fn predictor(&self, device: &Device) -> Predictor {
        Predictor::new(self.model.clone(), self.metadata.clone(), device)
    }
}
