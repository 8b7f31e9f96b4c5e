//! What a run trains: a network and, in pretraining, the layers of the method.

use burn::module::Module;
use burn::tensor::Device;

use super::TrainConfig;
use crate::backbone::{Model, Network};
use crate::nn::Init;
use crate::pretrain::Head;
use crate::weights::Stored;

/// A network in training.
#[derive(Module, Debug)]
pub(super) struct Student {
    /// The network.
    pub model: Model,
    /// Layers that are only used in pretraining.
    pub head: Option<Head>,
}

impl Student {
    /// `model`, with a new head where the run is one of pretraining.
    pub fn new(model: Model, config: &TrainConfig, network: &Network, channels: usize, device: &Device) -> Self {
        // The network's own values are drawn from the seed itself.
        let mut init = Init::new(config.seed.wrapping_add(1), device);
        let settings = config.pretraining.as_ref();
        let head = settings.and_then(|settings| Head::new(settings, network, config.patch, channels, &mut init));
        Self { model, head }
    }
}

impl From<Model> for Student {
    fn from(model: Model) -> Self {
        Self { model, head: None }
    }
}

impl Stored for Student {
    /// The network's parameters keep their names: a state is the same with and without a head.
    fn stored_name(&self, names: &[String]) -> String {
        match names.split_first() {
            Some((first, rest)) if first == "model" => self.model.stored_name(rest),
            _ => names.join("."),
        }
    }

    fn network(&self) -> &Model {
        &self.model
    }
}
