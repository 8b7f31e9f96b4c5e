//! How long a step takes, measured.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::{Event, Start, TrainConfig, Trainer};
use crate::Result;
use crate::dataset::{Case, LabelSet};
use crate::pool::Worker;
use burn::tensor::Device;

/// Steps of a rehearsal: one in which a GPU's shaders are compiled, and some that are like all others.
const STEPS: usize = 4;

/// Wall time of steps, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepTimes {
    /// Of the first step, in which a GPU's shaders are compiled.
    pub first_seconds: f64,
    /// Mean of those after it.
    pub step_seconds: f64,
}

/// Takes the first steps of a run and measures them; nothing of it is kept. Patches all come from labeled cases: the
/// others take as long. Of a cascade it is the second stage. With `workers` a batch is taken patch by patch
/// ([`TrainConfig::by_patch`]) and shared with them. After each event it waits for `go_on`, and ends early when that
/// says no: `None` where there was no second step.
///
/// # Errors
/// As [`Trainer::new`] and [`Trainer::next`].
pub async fn rehearse(
    config: TrainConfig,
    cases: Vec<Case>,
    labels: LabelSet,
    device: &Device,
    workers: &[Rc<dyn Worker>],
    mut go_on: impl AsyncFnMut() -> bool,
) -> Result<Option<StepTimes>> {
    let config = TrainConfig {
        iterations: STEPS,
        unlabeled_share: 0.0,
        coarse: None,
        ..config
    };
    let config = if workers.is_empty() { config } else { config.by_patch() };
    let mut trainer = Trainer::new(config, cases, Vec::new(), labels, Start::Scratch, device)?;
    trainer.share_with(workers)?;
    let mut steps = Vec::new();
    while steps.len() < STEPS && go_on().await {
        if let Some(Event::Step { seconds, .. }) = trainer.next().await? {
            steps.push(seconds);
        }
    }
    let [first_seconds, rest @ ..] = &steps[..] else {
        return Ok(None);
    };
    Ok((!rest.is_empty()).then(|| StepTimes {
        first_seconds: *first_seconds,
        step_seconds: rest.iter().sum::<f64>() / rest.len() as f64,
    }))
}
