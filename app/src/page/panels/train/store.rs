//! The training run at hand, beside what is saved of it.

use leptos::prelude::*;
use medcontext_core::train::{StepTimes, TrainConfig};
use web_sys::Blob;

/// What a training run under way makes of a case.
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
    /// Whether a step with these settings takes as long. Their number does not change how long one takes.
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

/// What the page knows of the run at hand and does not save.
#[derive(Clone, Copy, Default)]
pub struct TrainStore {
    /// The cases that it holds out.
    pub held_out: RwSignal<Vec<String>>,
    /// What it makes of a case.
    pub preview: RwSignal<Option<Preview>, LocalStorage>,
    /// How long a step takes, and with which settings that was measured.
    pub pace: RwSignal<Option<Pace>>,
    /// Wall time of the last step in seconds.
    pub step_seconds: RwSignal<f64>,
}
