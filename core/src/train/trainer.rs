//! The trainer: one unit of work per call, one event per unit.
//!
//! All events come from [`Trainer::next`]. The caller may pause between calls, stop the trainer, or drop it; nothing
//! runs in the background.

use std::collections::VecDeque;
use std::io::Write;
use std::time::Duration;

use burn::module::Module;
use burn::tensor::Device;
use web_time::Instant;

use super::learner::{Learner, read};
use super::start::{Start, check_loss};
use super::{CheckpointKind, Event, HeldOut, RunState, TrainConfig, TrainingSet, random_streams, validation};
use crate::backbone::Model;
use crate::dataset::{Case, LabelSet};
use crate::loss::IGNORED;
use crate::transform::{Loader, SampledCase, Sampler, SamplerSettings};
use crate::weights::{self, Metadata, Precision, TrainingSummary, WeightsError};
use crate::{Error, Result};

/// A training run.
pub struct Trainer {
    config: TrainConfig,
    labels: LabelSet,
    device: Device,
    learner: Learner,
    loader: Loader,
    validation: Vec<HeldOut>,
    training_cases: Vec<String>,
    /// Cases without labels that it learns from too.
    unlabeled_cases: Vec<String>,
    /// All cases that the weights have seen, if known.
    seen: Option<Vec<String>>,
    channels: usize,
    /// Steps done.
    iteration: usize,
    /// Steps that were done before this run was resumed.
    done_before: usize,
    stopped: bool,
    finished: bool,
    best_dice: Option<f64>,
    last_dice: Option<f64>,
    started: bool,
    /// Wall time spent inside [`Trainer::next`]: pauses between calls do not count.
    spent: Duration,
    /// Events that follow from the last unit of work.
    pending: VecDeque<Pending>,
}

/// Work that follows a step.
enum Pending {
    Validate,
    Save(CheckpointKind),
}

impl Trainer {
    /// Prepares a run on labeled cases, and on those without labels if [`TrainConfig::unlabeled_share`] says so.
    ///
    /// # Errors
    /// When settings are invalid, no case has labels, or the start belongs to another network or run.
    pub fn new(
        config: TrainConfig,
        training: Vec<Case>,
        validation: Vec<Case>,
        labels: LabelSet,
        start: Start,
        device: &Device,
    ) -> Result<Self> {
        let training = TrainingSet::prepare(training, &labels, &config)?;
        let validation = validation.into_iter().map(HeldOut::from).collect();
        Self::on(config, training, validation, labels, start, device)
    }

    /// Prepares a run on prepared training cases and on held-out cases that may be read on demand.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn on(
        config: TrainConfig,
        training: TrainingSet,
        validation: Vec<HeldOut>,
        labels: LabelSet,
        start: Start,
        device: &Device,
    ) -> Result<Self> {
        let config = config.resolved();
        let network = config.resolved_network();
        config.check(&network)?;
        config.mixed_precision.check(device)?;
        check_loss(&config, &labels)?;
        validation::check_reported(&config.reported, &labels)?;
        let device = device.clone().autodiff();
        training.check_unlabeled(&config, &labels)?;
        let channels = training.channels;
        let student = start.student(&config, &network, &labels, channels, &device)?;
        // Crops and masks have independent random streams, so that switching the mask off does not change the crops.
        let trainer = Self {
            seen: start.seen(&[&training.ids[..], &training.unlabeled.ids].concat())?,
            training_cases: training.ids,
            unlabeled_cases: training.unlabeled.ids,
            loader: loader(training.cases, training.unlabeled.cases, &config, &labels),
            learner: Learner::new(network, student, &config, device.clone()),
            channels,
            labels,
            device,
            validation,
            iteration: 0,
            done_before: 0,
            stopped: false,
            finished: false,
            best_dice: None,
            last_dice: None,
            started: false,
            spent: Duration::ZERO,
            pending: VecDeque::new(),
            config,
        };
        match start {
            Start::Resume(bytes) => trainer.resume(bytes),
            Start::Scratch | Start::Weights(_) => Ok(trainer),
        }
    }

    /// Resumes from a run's state.
    fn resume(mut self, bytes: &[u8]) -> Result<Self> {
        let state = RunState::read(bytes)?;
        state.check(
            &self.config,
            [&self.training_cases, &self.unlabeled_cases],
            &self.labels,
        )?;
        let tensors = weights::read_safetensors(bytes)?;
        self.learner = self.learner.restore(&tensors, &state)?;
        self.iteration = state.iteration;
        self.done_before = state.iteration;
        self.best_dice = state.best_dice;
        self.last_dice = state.last_dice;
        if self.iteration >= self.config.iterations {
            // Nothing is left to do, but the caller still expects the weights.
            self.pending.push_back(Pending::Save(CheckpointKind::Last));
        }
        Ok(self)
    }

    /// Writes everything needed to resume the run, for [`Start::Resume`]. It should be saved along with a checkpoint.
    ///
    /// # Errors
    /// When the device fails, the weights have become NaN or infinite, or writing to `sink` fails.
    pub async fn write_state(&self, sink: &mut impl Write) -> Result<()> {
        let state = RunState {
            form: RunState::FORM,
            config: self.config.clone(),
            cases: self.training_cases.clone(),
            unlabeled: self.unlabeled_cases.clone(),
            seen: self.seen.clone(),
            labels: self.labels.clone(),
            iteration: self.iteration,
            optimizer_steps: self.learner.optimizer_steps(),
            loss_scale: self.learner.loss_scale(),
            best_dice: self.best_dice,
            last_dice: self.last_dice,
        };
        Ok(self.learner.save(&state, sink).await?)
    }

    /// Shares the batches of every step between other devices and the run's own. Up to the rounding of sums, the result
    /// does not depend on their number.
    ///
    /// # Errors
    /// When there are more devices than batches per step.
    pub fn share(&mut self, others: &[Device]) -> Result<()> {
        let (devices, batches) = (others.len() + 1, self.config.accumulation);
        if batches < devices {
            let patches = self.config.patches_per_step().div_ceil(devices);
            return Err(Error::Config(format!(
                "{devices} devices cannot share a step of {batches} batch{}: set accumulation to {devices} or a \
                 multiple of it, for example with batch_size {patches}",
                if batches == 1 { "" } else { "es" }
            )));
        }
        self.learner.share(others);
        Ok(())
    }

    /// Ends the run early: only due checkpoints, at least a last one, and [`Event::Finished`] follow.
    pub fn stop(&mut self) {
        self.pending.retain(|pending| !matches!(pending, Pending::Validate));
        let started = self.iteration > 0 && !self.finished;
        if started && !self.stopped && self.pending.is_empty() {
            self.pending.push_back(Pending::Save(CheckpointKind::Last));
        }
        self.stopped = true;
    }

    /// The student outside autodiff, for previews of its predictions.
    pub fn student(&self) -> Model {
        self.learner.student().valid()
    }

    /// The metadata of a checkpoint taken now.
    pub fn metadata(&self) -> Metadata {
        Metadata {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            network: self.learner.network().clone(),
            channels: self.channels,
            patch: self.config.patch,
            preprocessing: self.config.preprocessing,
            mirror_axes: self.config.augmentation.mirror_axes,
            labels: self.labels.clone(),
            inference: self.config.inference,
            training: TrainingSummary {
                iterations: self.iteration,
                medcontext: self.config.medcontext.enabled,
                seed: self.config.seed,
                cases: self.training_cases.len(),
                case_names: self.seen.clone(),
                validation_dice: self.last_dice,
            },
        }
    }

    /// Does the next unit of work and reports it; `None` after [`Event::Finished`].
    ///
    /// # Errors
    /// When the device fails. Earlier checkpoints remain valid.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        let asked = Instant::now();
        let event = self.unit().await;
        self.spent += asked.elapsed();
        event
    }

    async fn unit(&mut self) -> Result<Option<Event>> {
        if !self.started {
            self.started = true;
            return Ok(Some(Event::Started {
                backbone: self.learner.network().backbone().to_string(),
                parameters: self.learner.student().parameters(),
                training_cases: self.training_cases.len(),
                unlabeled_cases: self.unlabeled_cases.len(),
                validation_cases: self.validation.len(),
                iteration: self.iteration,
                iterations: self.config.iterations,
            }));
        }
        if let Some(pending) = self.pending.pop_front() {
            return self.follow_up(pending).await.map(Some);
        }
        if self.finished {
            return Ok(None);
        }
        if self.iteration < self.config.iterations && !self.stopped {
            return self.step().await.map(Some);
        }
        self.finished = true;
        Ok(Some(Event::Finished {
            iteration: self.iteration,
            stopped: self.iteration < self.config.iterations,
            best_dice: self.best_dice,
            seconds: self.spent.as_secs_f64(),
        }))
    }

    async fn follow_up(&mut self, pending: Pending) -> Result<Event> {
        match pending {
            Pending::Validate => self.validate().await,
            Pending::Save(kind) => Ok(Event::Checkpoint {
                iteration: self.iteration,
                kind,
                weights: self.weights().await?,
            }),
        }
    }

    async fn weights(&self) -> Result<Vec<u8>> {
        let model = self.learner.eval_model(&self.config);
        match weights::save(&model, &self.metadata(), Precision::F32).await {
            Err(WeightsError::NotFinite(_)) => Err(Error::Diverged { step: self.iteration }),
            saved => Ok(saved?),
        }
    }

    async fn step(&mut self) -> Result<Event> {
        let started = Instant::now();
        let (index, config) = (self.iteration, &self.config);
        let epoch = config.epoch_steps(self.training_cases.len());
        let learning_rate = config.rate_at(index, epoch);
        let (size, labels, loader) = (config.batch_size, &self.labels, &mut self.loader);
        let mut waited = Duration::ZERO;
        let draw = |batch: usize, device: &Device| {
            let asked = Instant::now();
            let first = index * config.patches_per_step() + batch * size;
            let batch = loader.batch(first, size, labels, device);
            waited += asked.elapsed();
            batch
        };
        let loss_scale = self.learner.loss_scale().map(|scale| scale.factor);
        let loss = self.learner.step(index, learning_rate, config, draw).await?;
        let settings = &config.medcontext;
        let momentum = settings
            .has_teacher()
            .then(|| settings.momentum_at(index, config.iterations, epoch))
            .flatten();
        if let Some(momentum) = momentum {
            self.learner.update_teacher(momentum);
        }
        let losses = read(loss).await?;
        // With a loss scale, the learner has skipped such a step.
        if !losses.total.is_finite() && loss_scale.is_none() {
            return Err(Error::Diverged { step: index + 1 });
        }
        self.iteration += 1;
        self.plan_follow_up();

        let done = self.iteration - self.done_before;
        let left = self.config.iterations - self.iteration;
        let spent = self.spent + started.elapsed();
        Ok(Event::Step {
            iteration: self.iteration,
            losses,
            learning_rate,
            momentum,
            loss_scale,
            seconds: started.elapsed().as_secs_f64(),
            loading_seconds: waited.as_secs_f64(),
            remaining_seconds: spent.as_secs_f64() / done as f64 * left as f64,
        })
    }

    /// After every `checkpoint_every` steps and at the end: validate and save. A stopped run saves
    /// without validating, so that it ends at once.
    fn plan_follow_up(&mut self) {
        let last = self.iteration == self.config.iterations;
        let due = self.iteration.is_multiple_of(self.config.checkpoint_every.max(1));
        if last || self.stopped || due {
            if !self.validation.is_empty() && !self.stopped {
                self.pending.push_back(Pending::Validate);
            }
            self.pending.push_back(Pending::Save(CheckpointKind::Last));
        }
    }

    async fn validate(&mut self) -> Result<Event> {
        let (model, metadata) = (self.learner.eval_model(&self.config), self.metadata());
        let plain = self.device.clone().inner();
        let scores = validation::run(model, metadata, &self.validation, &self.config, &plain).await?;
        let best = self.best_dice.is_none_or(|best| scores.dice > best);
        self.last_dice = Some(scores.dice);
        if best {
            self.best_dice = Some(scores.dice);
            // Before the last checkpoint, which comes with the run's state: a state that knows of a best is never
            // without its weights.
            self.pending.push_front(Pending::Save(CheckpointKind::Best));
        }
        Ok(Event::Validated {
            iteration: self.iteration,
            dice: scores.dice,
            labels: scores.labels,
            left_out: scores.left_out,
            best,
        })
    }
}

/// Draws the patches of a run.
fn loader(labeled: Vec<SampledCase>, unlabeled: Vec<SampledCase>, config: &TrainConfig, labels: &LabelSet) -> Loader {
    let settings = SamplerSettings {
        ignores: labels.classes() <= usize::from(IGNORED),
        ..config.sampler_settings()
    };
    let sampler = Sampler::new(labeled, settings, config.seed ^ random_streams::PATCHES);
    // Before the masked view joins, unlabeled patches would teach nothing.
    let first = config.medcontext.first_masked_step(config.iterations) * config.patches_per_step();
    Loader::new(
        sampler.with_unlabeled(unlabeled, config.unlabeled_share, first),
        config.iterations * config.patches_per_step(),
    )
}

#[cfg(test)]
mod tests;
