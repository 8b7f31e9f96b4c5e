//! Loading this program's weights files.

use burn::tensor::Device;

use super::fill::{Fit, fill, fill_part};
use super::import::{Summary, examine};
use super::raw::read_safetensors;
use super::save::COARSE;
use super::{Metadata, WeightsError};
use crate::backbone::Model;

/// A network with its file's metadata.
#[derive(Debug)]
pub struct Loaded {
    /// The network, on the device that was asked for.
    pub model: Model,
    /// The network of the first stage, where the file holds a cascade.
    pub coarse: Option<Model>,
    /// The file's metadata.
    pub metadata: Metadata,
}

/// Reads a weights file and builds its network on `device`.
///
/// # Errors
/// When the file is damaged or from another program, or its tensors do not match the network that it names.
pub fn load(bytes: &[u8], device: &Device) -> Result<Loaded, WeightsError> {
    let metadata = match Metadata::read(bytes) {
        Err(WeightsError::NoMetadata) => return Err(untold(bytes)),
        metadata => metadata?,
    };
    if let Some(method) = metadata.training.pretraining {
        return Err(WeightsError::OnlyEncoder(method.title()));
    }
    let tensors = read_safetensors(bytes)?;
    let model = fill(metadata.build(device), &tensors, Fit::default())?.model;
    let coarse = metadata.coarse.as_deref();
    let coarse = coarse.map(|coarse| fill_part(coarse.build(device), &tensors, COARSE));
    Ok(Loaded {
        model,
        coarse: coarse.transpose()?,
        metadata,
    })
}

/// Why weights from other programs cannot be used directly.
fn untold(bytes: &[u8]) -> WeightsError {
    match examine(bytes) {
        Ok(Summary { network, options, .. }) => WeightsError::Untold { network, options },
        Err(error) => error,
    }
}
