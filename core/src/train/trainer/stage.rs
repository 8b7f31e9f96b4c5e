//! The training of one network: one unit of work per call, one event per unit.

use std::collections::VecDeque;
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use burn::module::Module;
use burn::tensor::Device;
use web_time::Instant;

use super::coarse::Coarse;
use crate::backbone::Model;
use crate::dataset::LabelSet;
use crate::infer::Predictor;
use crate::pool::Worker;
use crate::train::cases::loader;
use crate::train::learner::{Learner, read};
use crate::train::start::{Start, check_loss};
use crate::train::student::Student;
use crate::train::{CheckpointKind, Event, HeldOut, Restoration, RunState, TrainConfig, TrainingSet, validation};
use crate::transform::Loader;
use crate::weights::{self, Metadata, Precision, TrainingSummary, WeightsError};
use crate::{Error, Result};

/// A network in training: the only one of a run, or one stage of a cascade.
pub(super) struct Stage {
    config: TrainConfig,
    /// Settings of the run, which the state holds.
    run: TrainConfig,
    /// The first stage of a cascade, where this is the second.
    coarse: Option<Coarse>,
    labels: LabelSet,
    device: Device,
    learner: Learner,
    /// Workers that share the work.
    workers: Vec<Rc<dyn Worker>>,
    loader: Loader,
    pub validation: Vec<HeldOut>,
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
    /// Wall time spent inside [`Stage::next`]: pauses between calls do not count.
    pub spent: Duration,
    /// Events that follow from the last unit of work.
    pending: VecDeque<Pending>,
    /// Names of the parameters that the weights to start from have not.
    pub new_parameters: Vec<String>,
}

/// Work that follows a step.
enum Pending {
    Validate,
    Save(CheckpointKind),
}

impl Stage {
    /// Prepares the training of a network with resolved settings, as part of a run with the settings `run`; `coarse` is
    /// the first stage, if this is to be the second.
    ///
    /// # Errors
    /// As [`Trainer::new`](super::Trainer::new).
    pub fn new(
        (config, run): (TrainConfig, TrainConfig),
        training: TrainingSet,
        validation: Vec<HeldOut>,
        labels: LabelSet,
        start: Start,
        coarse: Option<Coarse>,
        device: &Device,
    ) -> Result<Self> {
        let network = config.resolved_network();
        config.check(&network)?;
        config.mixed_precision.check(device)?;
        if config.pretraining.is_none() {
            check_loss(&config, &labels)?;
            validation::check_reported(&config.reported, &labels)?;
        }
        let device = device.clone().autodiff();
        training.check_unlabeled(&config, &labels)?;
        let channels = training.channels;
        let (model, new_parameters) = start.student(&config, &network, &labels, channels, &device)?;
        let student = Student::new(model, &config, &network, channels, &device);
        // Crops and masks have independent random streams, so that switching the mask off does not change the crops.
        let trainer = Self {
            seen: start.seen(&[&training.ids[..], &training.unlabeled.ids].concat())?,
            training_cases: training.ids,
            unlabeled_cases: training.unlabeled.ids,
            loader: loader(training.cases, training.unlabeled.cases, &config, &labels),
            learner: Learner::new(network, student, labels.clone(), &config, device.clone()),
            channels,
            workers: Vec::new(),
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
            new_parameters,
            config,
            run,
            coarse,
        };
        match start {
            Start::Resume(bytes) => trainer.resume(bytes),
            Start::Scratch | Start::Weights(_) => Ok(trainer),
        }
    }

    /// Resumes from a run's state.
    fn resume(mut self, bytes: &[u8]) -> Result<Self> {
        let state = RunState::read(bytes)?;
        state.check(&self.run, [&self.training_cases, &self.unlabeled_cases], &self.labels)?;
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

    /// Writes everything needed to resume the run.
    ///
    /// # Errors
    /// As [`Trainer::write_state`](super::Trainer::write_state).
    pub async fn write_state(&self, sink: &mut impl Write) -> Result<()> {
        let state = RunState {
            form: RunState::FORM,
            config: self.run.clone(),
            coarse: self.coarse.as_ref().map(|coarse| Box::new(coarse.metadata.clone())),
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
        let coarse = self.coarse.as_ref().map(|coarse| &coarse.model);
        Ok(self.learner.save(&state, coarse, sink).await?)
    }

    /// Shares the batches of every step between other devices and the run's own.
    pub fn share(&mut self, others: &[Device]) {
        self.learner.share(others);
    }

    /// Shares the batches of every step, and the windows of a validation, with workers.
    pub fn share_with(&mut self, workers: &[Rc<dyn Worker>]) -> Result<()> {
        self.workers = workers.to_vec();
        self.learner.share_with(workers, &self.config, self.channels)
    }

    /// Ends early: only due checkpoints, at least a last one, and [`Event::Finished`] follow.
    pub fn stop(&mut self) {
        self.pending.retain(|pending| !matches!(pending, Pending::Validate));
        let started = self.iteration > 0 && !self.finished;
        if started && !self.stopped && self.pending.is_empty() {
            self.pending.push_back(Pending::Save(CheckpointKind::Last));
        }
        self.stopped = true;
    }

    /// Segments with the student as it is now.
    pub fn predictor(&self) -> Predictor {
        self.with_coarse(self.learner.student().valid())
    }

    /// Segments with this network, in the region that the first stage finds, if there is one.
    fn with_coarse(&self, model: Model) -> Predictor {
        let device = self.device.clone().inner();
        let predictor = Predictor::new(model, self.metadata(), &device);
        match &self.coarse {
            Some(coarse) => predictor.around(coarse.predictor(&device)),
            None => predictor,
        }
    }

    /// The network as it is saved, to be the first stage of a cascade.
    pub fn as_coarse(&self) -> Coarse {
        Coarse {
            model: self.learner.eval_model(&self.config),
            metadata: self.metadata(),
        }
    }

    pub fn labels(&self) -> &LabelSet {
        &self.labels
    }

    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Settings of the run.
    pub fn run(&self) -> &TrainConfig {
        &self.run
    }

    /// A patch as it is restored, in pretraining.
    pub async fn restoration(&self) -> Result<Option<Restoration>> {
        self.learner.restoration(self.loader.peek(0, 1), &self.config).await
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
            coarse: self.coarse.as_ref().map(|coarse| Box::new(coarse.metadata.clone())),
            training: TrainingSummary {
                iterations: self.iteration,
                medcontext: self.config.medcontext.enabled,
                seed: self.config.seed,
                cases: self.training_cases.len(),
                case_names: self.seen.clone(),
                validation_dice: self.last_dice,
                pretraining: self.config.pretraining.map(|settings| settings.method),
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
                parameters: self.learner.parameters(),
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
        let coarse = self.coarse.as_ref().map(|coarse| &coarse.model);
        match weights::save_cascade(&model, coarse, &self.metadata(), Precision::F32).await {
            Err(WeightsError::NotFinite(_)) => Err(Error::Diverged { step: self.iteration }),
            saved => Ok(saved?),
        }
    }

    async fn step(&mut self) -> Result<Event> {
        let started = Instant::now();
        let (index, config) = (self.iteration, &self.config);
        let epoch = config.epoch_steps(self.training_cases.len());
        let learning_rate = config.rate_at(index, epoch);
        let (size, loader) = (config.batch_size, &mut self.loader);
        let mut waited = Duration::ZERO;
        let draw = |batch: usize| {
            let asked = Instant::now();
            let first = index * config.patches_per_step() + batch * size;
            let batch = loader.draw(first, size);
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
        let predictor = self.with_coarse(self.learner.eval_model(&self.config));
        let scores = validation::run(&predictor, &self.validation, &self.config, &self.workers).await?;
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
