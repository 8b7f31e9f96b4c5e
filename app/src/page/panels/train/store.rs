//! State of the current training run that is not saved.

use leptos::prelude::*;
use medcontext_core::experiment::FoldSummary;
use medcontext_core::train::{StepTimes, TrainConfig};
use web_sys::Blob;

/// The current training run's segmentation of a case.
#[derive(Clone)]
pub struct Preview {
    /// The case.
    pub case: String,
    /// Steps done.
    pub iteration: usize,
    /// The label map.
    pub labels: Blob,
}

/// How long training steps take.
#[derive(Clone, Debug, PartialEq)]
pub struct Pace {
    /// The settings.
    pub config: TrainConfig,
    /// Measured on some of them.
    pub times: StepTimes,
}

impl Pace {
    /// Whether a step with these settings takes as long. The number of steps does not matter.
    pub fn holds_for(&self, config: &TrainConfig) -> bool {
        let cost = |config: &TrainConfig| {
            let TrainConfig {
                network,
                patch,
                batch_size,
                medcontext,
                ..
            } = config;
            (network.clone(), *patch, *batch_size, medcontext.enabled)
        };
        cost(&self.config) == cost(config)
    }
}

/// The page's state of the current run that is not saved.
#[derive(Clone, Copy, Default)]
pub struct TrainStore {
    /// Whether the next run starts from the current weights.
    pub from_weights: RwSignal<bool>,
    /// The cases that the current run holds out.
    pub held_out: RwSignal<Vec<String>>,
    /// Its preview of a case.
    pub preview: RwSignal<Option<Preview>, LocalStorage>,
    /// How long a step takes, and with which settings that was measured.
    pub pace: RwSignal<Option<Pace>>,
    /// What the last cross-validation found.
    pub folds: RwSignal<Option<FoldSummary>>,
    /// Wall time of the last step in seconds.
    pub step_seconds: RwSignal<f64>,
}
