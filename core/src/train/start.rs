//! What a run begins with.

use burn::tensor::Device;

use super::{RunState, TrainConfig};
use crate::backbone::{Model, Network, is_unused};
use crate::dataset::LabelSet;
use crate::loss::{Activation, Loss};
use crate::weights::{self, Fit, ImportOptions, Metadata, Opened, WeightsError, describe};
use crate::{Error, Result};

/// What a run begins with.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// New weights.
    Scratch,
    /// A weights file of the same network and patch, and the same number of classes unless [`TrainConfig::new_head`] is
    /// set. Weights from other programs are accepted if every tensor fits: what the tensors do not tell (heads, axes,
    /// normalization, labels) comes from the run's settings.
    Weights(&'a [u8]),
    /// A state from [`Trainer::write_state`](super::Trainer::write_state): the run is resumed as if it had never
    /// stopped.
    Resume(&'a [u8]),
}

impl Start<'_> {
    /// Names of all cases that weights have seen after training on `cases`; `None` if the initial weights do not say. A
    /// state has its own list.
    pub(super) fn seen(self, cases: &[String]) -> Result<Option<Vec<String>>> {
        let before = match self {
            Start::Scratch => Some(Vec::new()),
            Start::Weights(bytes) => match Metadata::read(bytes) {
                // Weights from other programs do not say.
                Err(WeightsError::NoMetadata) => None,
                found => found?.training.case_names,
            },
            Start::Resume(bytes) => return Ok(RunState::read(bytes)?.seen),
        };
        Ok(before.map(|mut seen| {
            let new = cases.iter().filter(|case| !seen.contains(case));
            seen.extend(new.cloned().collect::<Vec<_>>());
            seen
        }))
    }

    /// The network of a run of `config`, and the names of the parameters that the weights to start from have not. In a
    /// resumed run it is new: the state's values are filled in later.
    pub(super) fn student(
        self,
        config: &TrainConfig,
        network: &Network,
        labels: &LabelSet,
        channels: usize,
        device: &Device,
    ) -> Result<(Model, Vec<String>)> {
        let fresh = || {
            let (outputs, patch) = (labels.outputs(), config.patch);
            network.build(channels, outputs, patch, config.seed, device)
        };
        match self {
            Start::Scratch | Start::Resume(_) => Ok((fresh(), Vec::new())),
            Start::Weights(bytes) => {
                let run = Run {
                    config,
                    network,
                    labels,
                    channels,
                };
                match Metadata::read(bytes) {
                    Err(WeightsError::NoMetadata) => run.adopt(bytes, fresh()),
                    found => {
                        let found = found?;
                        run.check(&found)?;
                        let tensors = weights::read_safetensors(bytes)?;
                        let fit = Fit {
                            new_decoder: found.training.pretraining.is_some(),
                            ..run.fit()
                        };
                        let filled = weights::fill(fresh(), &tensors, fit)?;
                        Ok((filled.model, filled.kept))
                    }
                }
            }
        }
    }
}

/// What weights must fit.
struct Run<'a> {
    config: &'a TrainConfig,
    network: &'a Network,
    labels: &'a LabelSet,
    channels: usize,
}

impl Run<'_> {
    fn fit(&self) -> Fit {
        Fit {
            new_head: self.config.new_head,
            ..Fit::default()
        }
    }

    /// Fills the network with weights from another program.
    fn adopt(&self, bytes: &[u8], fresh: Model) -> Result<(Model, Vec<String>)> {
        let options = ImportOptions {
            patch: Some(self.config.patch),
            expected: Some(self.network.clone()),
            ..ImportOptions::default()
        };
        let opened = Opened::read(bytes, &options)?;
        self.check(&opened.metadata)?;
        let fit = Fit {
            // Most weights from other programs have none.
            without_mask_token: true,
            ..self.fit()
        };
        let filled = opened.fill(fresh, fit)?;
        let left: Vec<&str> = filled
            .ignored
            .iter()
            .map(String::as_str)
            .filter(|name| !is_unused(name))
            .collect();
        if left.is_empty() {
            return Ok((filled.model, filled.kept));
        }
        Err(WeightsError::Leftover(shortened(&left)).into())
    }

    /// Checks that weights belong to the network that is to be trained.
    fn check(&self, found: &Metadata) -> Result<()> {
        found.check_channels(self.channels)?;
        let Self {
            config,
            network,
            labels,
            ..
        } = self;
        let mut choices = Vec::new();
        if found.network != **network {
            choices.push(chosen(&found.network));
        }
        if found.patch != config.patch {
            let [d, h, w] = found.patch;
            choices.push(format!("--patch {d},{h},{w}"));
        }
        let classes = labels.outputs();
        // An encoder has no output.
        let fits = found.labels.outputs() == classes || found.training.pretraining.is_some();
        if !fits && !config.new_head {
            choices.push(format!(
                "the labels that they were trained for, or --new-head for a new last layer \
                 (`core convert --classes {classes}` writes weights with one)"
            ));
        }
        if choices.is_empty() {
            return Ok(());
        }
        let (found, expected) = told_apart(found, network, labels.classes(), config.patch);
        let remedy = format!("choose {}", choices.join(" and "));
        Err(WeightsError::OtherNetwork {
            found,
            expected,
            remedy,
        }
        .into())
    }
}

/// How to ask for a network.
fn chosen(network: &Network) -> String {
    let backbone = network.backbone();
    match network.size() {
        Some(size) => format!("--backbone {backbone} --size {size}"),
        None => format!("{backbone} with the same numbers, as a configuration file gives them"),
    }
}

/// Descriptions of two networks that differ, even if their short descriptions are equal.
fn told_apart(found: &Metadata, wanted: &Network, classes: usize, patch: [usize; 3]) -> (String, String) {
    let (mut own, mut other) = (found.describe(), describe(wanted, classes, patch));
    if found.labels.outputs() != found.labels.classes() {
        own = format!("{own} learned as regions");
    }
    if found.network != *wanted && found.network.title() == wanted.title() {
        for (name, mine, theirs) in found.network.differences(wanted) {
            own = format!("{own}, {name} {mine}");
            other = format!("{other}, {name} {theirs}");
        }
    }
    (own, other)
}

/// The first few names, and how many more there are.
fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 4;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Checks that regions have a sigmoid, and classes a softmax.
pub(super) fn check_loss(config: &TrainConfig, labels: &LabelSet) -> Result<()> {
    let (regions, sigmoid) = (
        labels.regions().is_some(),
        config.loss.activation() == Activation::Sigmoid,
    );
    match (regions, sigmoid) {
        (true, false) => Err(Error::Config(
            "labels that are learned as overlapping regions need loss.activation = \"sigmoid\"".to_owned(),
        )),
        (false, true) => Err(Error::Config(
            "loss.activation is \"sigmoid\" and no regions are known: choose \"softmax\", or a preset with regions"
                .to_owned(),
        )),
        _ => Ok(()),
    }
}
