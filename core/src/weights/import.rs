//! Weights from elsewhere: PyTorch checkpoints and safetensors of the reference implementations.

use std::collections::BTreeMap;

use burn::tensor::Device;

use super::fill::{Fit, fill};
use super::raw::{Tensors, read_safetensors};
use super::recognise::{canonical, recognise};
use super::torch::{is_torch, read_torch};
use super::{Metadata, Training, WeightsError};
use crate::backbone::{Merging, Model};
use crate::dataset::LabelSet;
use crate::transform::{Normalisation, Preprocessing};
use crate::volume::AxisOrder;

/// What the tensors of a checkpoint do not tell.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportOptions {
    /// The patch `[depth, height, width]` in voxels; by default the reference's, or a cube where the
    /// number of tokens makes one.
    pub patch: Option<[usize; 3]>,
    /// UNETR's attention heads; by default one for every 64 channels.
    pub heads: Option<usize>,
    /// SwinUNETR's patch merging; by default that of the published weights.
    pub merging: Merging,
    /// Which anatomical axes the network's are; by default the reference's.
    pub axes: Option<AxisOrder>,
    /// How intensities were normalised in training.
    pub normalisation: Normalisation,
    /// Input channels that the network is to have instead of the file's.
    pub channels: Option<usize>,
    /// Classes that the network is to have, background included; another number than the file's gets
    /// a new last layer.
    pub classes: Option<usize>,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            patch: None,
            heads: None,
            merging: Merging::Legacy,
            axes: None,
            normalisation: Normalisation::ZScore,
            channels: None,
            classes: None,
        }
    }
}

/// A network from elsewhere.
#[derive(Debug)]
pub struct Imported {
    /// The network, on the device that was asked for.
    pub model: Model,
    /// What a weights file of it says.
    pub metadata: Metadata,
    /// What the file does not tell and was assumed, one phrase each.
    pub assumed: Vec<String>,
    /// Parameters that the file lacks or has for other classes; they are new.
    pub missing: Vec<String>,
    /// Tensors of the file that the network has no place for.
    pub ignored: Vec<String>,
}

/// Reads the weights of one of the backbones from any file that holds them: a `.pt`, `.pth`, `.bin`
/// or `.model` of `torch.save`, or safetensors, of this program or with PyTorch's names. A pickle is
/// parsed as data; nothing in it is run.
///
/// # Errors
/// When the file is damaged, asks to run something, holds another network, or a tensor of another
/// shape.
pub fn import(
    bytes: &[u8],
    options: &ImportOptions,
    device: &Device,
) -> Result<Imported, WeightsError> {
    let tensors = canonical(read_tensors(bytes)?);
    let (mut metadata, assumed) = describe(bytes, &tensors, options)?;
    if let Some(channels) = options.channels {
        metadata.channels = channels;
    }
    if let Some(classes) = options.classes
        && classes != metadata.labels.outputs()
    {
        metadata.labels = numbered(classes)?;
    }
    let fit = Fit {
        new_head: options.classes.is_some(),
        adapt_channels: options.channels.is_some(),
        without_mask_token: true,
    };
    let filled = fill(metadata.build(device), &tensors, fit)?;
    Ok(Imported {
        model: filled.model,
        metadata,
        assumed,
        missing: filled.kept,
        ignored: filled.ignored,
    })
}

fn read_tensors(bytes: &[u8]) -> Result<Tensors<'_>, WeightsError> {
    if is_torch(bytes) {
        return read_torch(bytes).map_err(WeightsError::Checkpoint);
    }
    read_safetensors(bytes)
}

/// The file's own metadata, or what names and shapes tell.
fn describe(
    bytes: &[u8],
    tensors: &Tensors<'_>,
    options: &ImportOptions,
) -> Result<(Metadata, Vec<String>), WeightsError> {
    if !is_torch(bytes) {
        match Metadata::read(bytes) {
            Err(WeightsError::NoMetadata) => {}
            found => return Ok((found?, Vec::new())),
        }
    }
    let found = recognise(tensors, options)?;
    let metadata = Metadata {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        network: found.network,
        channels: found.channels,
        patch: found.patch,
        preprocessing: Preprocessing {
            axes: options.axes.unwrap_or(found.axes),
            normalisation: options.normalisation,
            ..Preprocessing::default()
        },
        labels: numbered(found.classes)?,
        training: Training::default(),
    };
    let mut assumed = found.assumed;
    if options.normalisation == Normalisation::ZScore {
        assumed.push("intensities normalised to z-scores".to_owned());
    }
    Ok((metadata, assumed))
}

/// Labels 1, 2, … beside the background.
fn numbered(classes: usize) -> Result<LabelSet, WeightsError> {
    let last = u16::try_from(classes.saturating_sub(1)).unwrap_or(u16::MAX);
    LabelSet::from_ids(1..=last, &BTreeMap::new())
        .map_err(|error| WeightsError::Unrecognised(format!("have too many classes: {error}")))
}
