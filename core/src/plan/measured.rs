//! A plan from measured steps: what a device computes in a minute is found by trying.

use std::rc::Rc;

use burn::tensor::Device;
use ndarray::Array3;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::budget::step_cost;
use super::{Budget, MeasuredStep, Speed, TrainingPlan};
use crate::dataset::{Case, CaseFingerprint, LabelSet};
use crate::pool::Worker;
use crate::train::{StepTimes, TrainConfig, rehearse};
use crate::volume::{Affine, Form, Grid, Image, LabelImage, Voxels};
use crate::{Error, Result};

/// A plan is made again with the measured speed, and once more where that changed what a step computes, until steps of
/// this many plans were measured.
const ROUNDS: usize = 3;

/// A plan whose iterations follow from measured steps.
#[derive(Clone, Debug)]
pub struct MeasuredPlan {
    /// The plan.
    pub plan: TrainingPlan,
    /// Steps of its settings on the device, or of settings like them.
    pub times: StepTimes,
    /// The speed that they and the steps of earlier plans show.
    pub speed: Speed,
}

impl TrainingPlan {
    /// Plans a run as [`TrainingPlan::new`], with the speed of `device` and `workers` found in a few steps on noise.
    /// `adjust` puts settings that are not planned over a plan's; what is measured is the result. `go_on` is asked
    /// after each event; `None` where it said no.
    ///
    /// # Errors
    /// As [`TrainingPlan::new`] and [`rehearse`].
    pub async fn measured<E: From<Error>>(
        cases: &[CaseFingerprint],
        labels: &LabelSet,
        budget: Budget,
        device: &Device,
        workers: &[Rc<dyn Worker>],
        adjust: impl Fn(&TrainConfig) -> Result<TrainConfig, E>,
        mut go_on: impl AsyncFnMut() -> bool,
    ) -> Result<Option<MeasuredPlan>, E> {
        let mut budget = budget;
        let mut steps = Vec::new();
        let mut last: Option<(TrainConfig, StepTimes)> = None;
        for round in 0..=ROUNDS {
            let mut plan = Self::new(cases, labels, &budget).map_err(Error::from)?;
            let channels = cases.first().map_or(1, |case| case.channels);
            let config = adjust(&plan.config)?;
            let same = last
                .as_ref()
                .is_some_and(|(measured, _)| computes_the_same(measured, &config));
            if let Some((_, times)) = &last
                && (same || round == ROUNDS)
            {
                let seconds = match same {
                    true => times.step_seconds,
                    false => budget.step_seconds(&config, channels, labels.outputs()),
                };
                plan.set_length(&budget, seconds, channels, labels.outputs());
                return Ok(Some(MeasuredPlan {
                    plan,
                    times: *times,
                    speed: budget.speed,
                }));
            }
            let case = noise(&config, channels, labels)?;
            let Some(times) = rehearse(config.clone(), vec![case], labels.clone(), device, workers, &mut go_on).await?
            else {
                return Ok(None);
            };
            steps.push(MeasuredStep {
                cost: step_cost(&config, channels, labels.outputs()),
                seconds: times.step_seconds,
            });
            budget.speed = Speed::of(&steps).unwrap_or(budget.speed);
            last = Some((config, times));
        }
        Ok(None)
    }
}

/// Whether a step of both takes as long.
fn computes_the_same(a: &TrainConfig, b: &TrainConfig) -> bool {
    let work = |config: &TrainConfig| {
        (
            config.network.clone(),
            config.patch,
            config.patches_per_step(),
            config.medcontext.enabled,
        )
    };
    work(a) == work(b)
}

/// A case of noise, as large as a patch at the settings' spacing, with a piece of every label.
fn noise(config: &TrainConfig, channels: usize, labels: &LabelSet) -> Result<Case> {
    let size = config.patch;
    let mm = config.preprocessing.spacing.map_or([1.0; 3], |spacing| spacing.mm);
    let unusable = |source| Error::Volume {
        file: "noise".to_owned(),
        source,
    };
    let mut random = ChaCha8Rng::seed_from_u64(config.seed);
    let voxels: usize = size.iter().product();
    let [depth, height, width] = mm;
    let grid = Grid {
        dims: [size[2], size[1], size[0]],
        affine: Affine([[width, 0.0, 0.0, 0.0], [0.0, height, 0.0, 0.0], [0.0, 0.0, depth, 0.0]]),
        form: Form::Sform,
    };
    let mut image = || {
        let values = (0..voxels).map(|_| random.random::<f32>()).collect();
        Image::new(Voxels::F32(values), grid.clone()).map_err(unusable)
    };
    let first = image()?;
    let others = (1..channels).map(|_| image()).collect::<Result<Vec<Image>>>()?;
    let ids = labels.ids();
    let piece = |index: usize| ids[index * ids.len() / voxels.max(1)];
    let map = Array3::from_shape_fn(size, |(d, h, w)| piece((d * size[1] + h) * size[2] + w));
    let label = LabelImage::from_canonical(map, &first).map_err(unusable)?;
    Ok(Case::new("noise", first, Some(label))?.with_channels(others)?)
}
