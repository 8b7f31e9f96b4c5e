//! What a run begins with.

use burn::tensor::Device;

use super::{Activation, RunState, TrainConfig};
use crate::backbone::{Model, Network};
use crate::dataset::LabelSet;
use crate::weights::{self, Fit, Metadata, WeightsError};
use crate::{Error, Result};

/// What a run begins with.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// New weights.
    Scratch,
    /// A weights file of the same network and patch, and the same number of classes unless
    /// [`TrainConfig::new_head`] is set.
    Weights(&'a [u8]),
    /// What [`Trainer::write_state`](super::Trainer::write_state) gave: the run goes on as if it had never stopped.
    State(&'a [u8]),
}

impl Start<'_> {
    /// Names of all cases that weights have seen once they are trained on `cases`; nothing where those to start
    /// from do not say. A state knows it itself.
    pub(super) fn seen(self, cases: &[String]) -> Result<Option<Vec<String>>> {
        let before = match self {
            Start::Scratch => Some(Vec::new()),
            Start::Weights(bytes) => Metadata::read(bytes)?.training.case_names,
            Start::State(bytes) => return Ok(RunState::read(bytes)?.seen),
        };
        Ok(before.map(|mut seen| {
            let new = cases.iter().filter(|case| !seen.contains(case));
            seen.extend(new.cloned().collect::<Vec<_>>());
            seen
        }))
    }

    /// The student of a run of `config`. That of a state is new: the state's own values follow.
    pub(super) fn student(
        self,
        config: &TrainConfig,
        network: &Network,
        labels: &LabelSet,
        channels: usize,
        device: &Device,
    ) -> Result<Model> {
        let fresh = || {
            let (outputs, patch) = (labels.outputs(), config.patch);
            network.build(channels, outputs, patch, config.seed, device)
        };
        match self {
            Start::Scratch | Start::State(_) => Ok(fresh()),
            Start::Weights(bytes) => {
                let found = Metadata::read(bytes)?;
                found.check_channels(channels)?;
                check_network(&found, config, network, labels)?;
                let fit = Fit {
                    new_head: config.new_head,
                    ..Fit::default()
                };
                let tensors = weights::read_safetensors(bytes)?;
                Ok(weights::fill(fresh(), &tensors, fit)?.model)
            }
        }
    }
}

/// Whether weights are those of the network that is to be trained.
fn check_network(
    found: &Metadata,
    config: &TrainConfig,
    network: &Network,
    labels: &LabelSet,
) -> Result<()> {
    let same_labels = found.labels.outputs() == labels.outputs();
    let same = found.network == *network && found.patch == config.patch;
    if same && (same_labels || config.new_head) {
        return Ok(());
    }
    let expected = format!(
        "{} with {} classes and patch {:?}",
        network.backbone(),
        labels.classes(),
        config.patch
    );
    let found = found.describe();
    Err(WeightsError::OtherNetwork { found, expected }.into())
}

/// Regions need a sigmoid, classes a softmax.
pub(super) fn check_loss(config: &TrainConfig, labels: &LabelSet) -> Result<()> {
    let (regions, sigmoid) = (
        labels.regions().is_some(),
        config.loss.activation == Activation::Sigmoid,
    );
    match (regions, sigmoid) {
        (true, false) => Err(Error::Config(
            "labels that are learned as overlapping regions need loss.activation = \"sigmoid\"".to_owned(),
        )),
        (false, true) => Err(Error::Config(
            "loss.activation is \"sigmoid\" and no regions are known: choose \"softmax\", or a preset with regions".to_owned(),
        )),
        _ => Ok(()),
    }
}
