//! Weights files from any program: the network is determined before its tensors are read.

use std::collections::BTreeMap;

use super::fill::{Filled, Fit, fill};
use super::options::ImportOptions;
use super::part::{Dictionary, Part, parts, whole};
use super::raw::{Tensors, read_safetensors};
use super::recognize::recognize;
use super::save::COARSE;
use super::torch::{Checkpoint, is_torch};
use super::{Metadata, TrainingSummary, WeightsError};
use crate::backbone::{Model, Network, Recognized, is_unused};
use crate::dataset::LabelSet;
use crate::transform::{MirrorAxes, Normalization, Preprocessing};

/// A file whose network is known but whose tensors are not read yet.
pub(crate) struct Opened<'a> {
    source: Source<'a>,
    part: Part,
    /// The file's own metadata, or what names and shapes tell.
    pub metadata: Metadata,
    /// What was assumed beyond that, one phrase each.
    pub assumed: Vec<String>,
    /// Where other networks lie in the file.
    pub others: Vec<String>,
}

enum Source<'a> {
    Torch(Box<Checkpoint<'a>>),
    Safetensors(Tensors<'a>),
}

impl<'a> Opened<'a> {
    /// Finds the network of a file: from this program's metadata, or from names and shapes.
    ///
    /// # Errors
    /// When the file is damaged, asks to execute something, or holds no known network.
    pub fn read(bytes: &'a [u8], options: &ImportOptions) -> Result<Self, WeightsError> {
        let source = Source::open(bytes)?;
        let dictionaries = source.dictionaries();
        let stage = options.part.as_deref();
        if stage.is_none_or(|stage| stage == ImportOptions::FIRST_STAGE) {
            match (Metadata::read(bytes), stage) {
                (Err(WeightsError::NoMetadata), _) => {}
                (Err(error), _) => return Err(error),
                (Ok(metadata), None) => return Self::own(source, dictionaries, metadata),
                (Ok(metadata), Some(_)) => {
                    if let Some(coarse) = metadata.coarse {
                        return Self::first_stage(source, dictionaries, *coarse);
                    }
                }
            }
        }
        let (part, found, others) = choose(dictionaries, options)?;
        let (metadata, assumed) = describe(found, options)?;
        Ok(Self {
            source,
            part,
            metadata,
            assumed,
            others,
        })
    }

    /// A file of this program. The first stage of a cascade is another network in it.
    fn own(source: Source<'a>, dictionaries: Vec<Dictionary>, metadata: Metadata) -> Result<Self, WeightsError> {
        let mut part = whole(dictionaries).ok_or_else(no_tensors)?;
        let mut others = Vec::new();
        if metadata.coarse.is_some() {
            part.names.retain(|name, _| !name.starts_with(COARSE));
            others.push(ImportOptions::FIRST_STAGE.to_owned());
        }
        Ok(Self {
            source,
            part,
            metadata,
            assumed: Vec::new(),
            others,
        })
    }

    /// The first stage of a cascade in a file of this program.
    fn first_stage(
        source: Source<'a>,
        dictionaries: Vec<Dictionary>,
        metadata: Metadata,
    ) -> Result<Self, WeightsError> {
        let part = whole(dictionaries).ok_or_else(no_tensors)?;
        let names = part.names.into_iter().filter_map(|(name, original)| {
            let name = name.strip_prefix(COARSE)?;
            Some((name.to_owned(), original))
        });
        Ok(Self {
            source,
            part: Part {
                label: ImportOptions::FIRST_STAGE.to_owned(),
                names: names.collect(),
                ..part
            },
            metadata,
            assumed: Vec::new(),
            others: Vec::new(),
        })
    }

    /// Where the network lies in the file: keys and prefix, with points between.
    pub fn place(&self) -> &str {
        &self.part.label
    }

    /// Reads the network's tensors into `model`. Tensors that the model does not use are named as in the file,
    /// generally unused ones last.
    ///
    /// # Errors
    /// When the file is damaged, or a tensor is missing or of another shape and `fit` does not allow for it.
    pub fn fill(self, model: Model, fit: Fit) -> Result<Filled, WeightsError> {
        let Part {
            dictionary,
            names,
            rest,
            ..
        } = self.part;
        let tensors = self.source.tensors(dictionary, &names)?;
        let mut filled = fill(model, &tensors, fit)?;
        for name in &mut filled.ignored {
            if let Some(original) = names.get(name) {
                name.clone_from(original);
            }
        }
        filled.ignored.extend(rest);
        // A stable sort: otherwise the order stays.
        filled.ignored.sort_by_key(|name| is_unused(name));
        Ok(filled)
    }

    /// The options that `core convert` needs for this file.
    pub fn untold(&self) -> String {
        let general = "--axes xyz|zyx --normalization z-score|none --names NAME,NAME";
        match self.metadata.network.untold_options() {
            "" => format!("--patch D,H,W {general}"),
            own => format!("--patch D,H,W {own} {general}"),
        }
    }
}

impl<'a> Source<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, WeightsError> {
        if is_torch(bytes) {
            let checkpoint = Checkpoint::open(bytes).map_err(WeightsError::Checkpoint)?;
            return Ok(Self::Torch(Box::new(checkpoint)));
        }
        Ok(Self::Safetensors(read_safetensors(bytes)?))
    }

    fn dictionaries(&self) -> Vec<Dictionary> {
        match self {
            Self::Torch(checkpoint) => checkpoint.dictionaries(),
            Self::Safetensors(tensors) => vec![Dictionary {
                path: String::new(),
                shapes: tensors
                    .iter()
                    .map(|(name, tensor)| (name.clone(), tensor.shape.clone()))
                    .collect(),
            }],
        }
    }

    /// Tensors of a dictionary by their new names, given with those in the file.
    fn tensors(self, dictionary: usize, names: &BTreeMap<String, String>) -> Result<Tensors<'a>, WeightsError> {
        match self {
            Self::Torch(checkpoint) => checkpoint.read(dictionary, names).map_err(WeightsError::Checkpoint),
            Self::Safetensors(mut tensors) => Ok(names
                .iter()
                .filter_map(|(name, original)| Some((name.clone(), tensors.remove(original)?)))
                .collect()),
        }
    }
}

fn no_tensors() -> WeightsError {
    WeightsError::Checkpoint("it holds no dictionary of tensors".to_owned())
}

/// The network to read, and where the others lie. An incomplete one is skipped in favor of the next.
fn choose(
    dictionaries: Vec<Dictionary>,
    options: &ImportOptions,
) -> Result<(Part, Recognized<Network>, Vec<String>), WeightsError> {
    let mut parts = parts(&dictionaries);
    let labels: Vec<String> = parts.iter().map(|part| part.label.clone()).collect();
    if let Some(wanted) = &options.part {
        parts.retain(|part| part.label == *wanted);
        if parts.is_empty() {
            return Err(WeightsError::NoPart {
                wanted: wanted.clone(),
                found: labels.join(", "),
            });
        }
    } else if parts.is_empty() {
        parts.extend(whole(dictionaries));
    }
    let mut refused = None;
    for part in parts {
        match recognize(&part.shapes, options) {
            Ok(found) => {
                let others = labels.into_iter().filter(|label| *label != part.label);
                let others = others.collect();
                return Ok((part, found, others));
            }
            Err(error) => drop(refused.get_or_insert(error)),
        }
    }
    Err(refused.unwrap_or_else(no_tensors))
}

/// What names and shapes tell, with what is assumed beyond them.
fn describe(found: Recognized<Network>, options: &ImportOptions) -> Result<(Metadata, Vec<String>), WeightsError> {
    let metadata = Metadata {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        network: found.network,
        channels: found.channels,
        patch: found.patch,
        preprocessing: Preprocessing {
            axes: options.axes.unwrap_or(found.axes),
            normalization: options.normalization,
            ..Preprocessing::default()
        },
        mirror_axes: MirrorAxes::ALL,
        labels: numbered(found.classes)?,
        inference: None,
        coarse: None,
        training: TrainingSummary::default(),
    };
    let mut assumed = found.assumed;
    if options.normalization == Normalization::ZScore {
        assumed.push("intensities normalized to z-scores".to_owned());
    }
    Ok((metadata, assumed))
}

/// Labels 1, 2, … besides the background.
pub(super) fn numbered(classes: usize) -> Result<LabelSet, WeightsError> {
    let last = u16::try_from(classes.saturating_sub(1)).unwrap_or(u16::MAX);
    LabelSet::from_ids(1..=last, &BTreeMap::new())
        .map_err(|error| WeightsError::Unrecognized(format!("have too many classes: {error}")))
}
