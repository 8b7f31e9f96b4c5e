//! Weights from other programs: PyTorch checkpoints and safetensors of the reference implementations.

use std::collections::BTreeMap;

use burn::tensor::Device;

use super::fill::Fit;
use super::opened::{Opened, numbered};
use super::options::ImportOptions;
use super::torch::is_torch;
use super::{Metadata, WeightsError};
use crate::backbone::Model;
use crate::dataset::LabelSet;

/// An imported network.
#[derive(Debug)]
pub struct Imported {
    /// The network, on the device that was asked for.
    pub model: Model,
    /// The network of the first stage, where it is a cascade of this program.
    pub coarse: Option<Model>,
    /// Metadata for its weights file.
    pub metadata: Metadata,
    /// What was assumed because the file does not tell, one phrase each.
    pub assumed: Vec<String>,
    /// Parameters that the file lacks or has for other classes; they are newly initialized.
    pub missing: Vec<String>,
    /// Tensors of the file that the network does not use.
    pub ignored: Vec<String>,
    /// Where the network lies in the file: keys and prefix, with points between; "." where it is the file.
    pub place: String,
    /// Where other networks lie in the file.
    pub others: Vec<String>,
}

/// Reads the weights of one of the backbones from any file that holds them: a `.pt`, `.pth`, `.bin` or `.model` of
/// `torch.save`, or safetensors, of this program or with PyTorch's names. A common prefix of all names is removed. A
/// pickle is parsed as data; nothing in it is executed.
///
/// # Errors
/// When the file is damaged, asks to execute something, or holds another network or a tensor of another shape.
pub fn import(bytes: &[u8], options: &ImportOptions, device: &Device) -> Result<Imported, WeightsError> {
    let opened = Opened::read(bytes, options)?;
    let mut metadata = opened.metadata.clone();
    let pretrained = metadata.training.pretraining.is_some();
    if let Some(channels) = options.channels {
        metadata.channels = channels;
    }
    if let Some(classes) = options.classes
        && classes != metadata.labels.outputs()
    {
        metadata.labels = numbered(classes)?;
    }
    if !options.names.is_empty() {
        metadata.labels = named(&metadata.labels, &options.names)?;
    }
    let fit = Fit {
        new_decoder: pretrained,
        new_head: options.classes.is_some(),
        adapt_channels: options.channels.is_some(),
        without_mask_token: true,
    };
    let place = opened.place().to_owned();
    let (assumed, others) = (opened.assumed.clone(), opened.others.clone());
    let filled = opened.fill(metadata.build(device), fit)?;
    Ok(Imported {
        model: filled.model,
        coarse: match &metadata.coarse {
            Some(first) => {
                let opened = Opened::read(bytes, &ImportOptions::first_stage())?;
                Some(opened.fill(first.build(device), Fit::default())?.model)
            }
            None => None,
        },
        metadata,
        assumed,
        missing: filled.kept,
        ignored: filled.ignored,
        place,
        others,
    })
}

/// What a weights file from another program holds, as far as its tensors tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The network in words, as from [`Metadata::describe`].
    pub network: String,
    /// The options of `core convert` that tell the rest.
    pub options: String,
    /// Where the network lies in the file: keys and prefix, with points between.
    pub place: String,
    /// Where other networks lie in it.
    pub others: Vec<String>,
}

/// Inspects a weights file from another program, without reading its values.
///
/// # Errors
/// As [`import`].
pub fn examine(bytes: &[u8]) -> Result<Summary, WeightsError> {
    let opened = Opened::read(bytes, &ImportOptions::default())?;
    Ok(Summary {
        network: opened.metadata.describe(),
        options: opened.untold(),
        place: opened.place().to_owned(),
        others: opened.others,
    })
}

/// Whether the bytes are a PyTorch checkpoint, by their first bytes.
pub fn is_checkpoint(bytes: &[u8]) -> bool {
    is_torch(bytes)
}

/// The same labels with other names, given without the background.
fn named(labels: &LabelSet, names: &[String]) -> Result<LabelSet, WeightsError> {
    let ids = labels.ids().iter().copied().skip(1);
    if names.len() != ids.len() {
        return Err(WeightsError::Unrecognized(format!(
            "have {} classes beside the background and {} names were given; give one name for each",
            ids.len(),
            names.len()
        )));
    }
    let names: BTreeMap<u16, String> = ids.clone().zip(names.iter().cloned()).collect();
    LabelSet::from_ids(ids, &names)
        .map_err(|error| WeightsError::Unrecognized(format!("cannot have these names: {error}")))
}
