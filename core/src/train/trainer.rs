//! The trainer: one unit of work per call, one event per unit.
//!
//! Events are born in [`Trainer::next`]. Whoever drives the trainer may pause between calls, stop
//! it, or drop it; nothing runs on its own.

use std::collections::VecDeque;

use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use web_time::Instant;

use super::{
    CheckpointKind, DiceCe, Event, Losses, TrainConfig, Warmup, validation, warmup_cosine,
};
use crate::backbone::{Model, Network};
use crate::dataset::{Case, LabelSet};
use crate::medcontext::{JointLoss, TubeMask, joint_loss, momentum, update_teacher};
use crate::transform::{Patch, Prepared, Sampler};
use crate::weights::{self, Fit, Metadata, Precision, Training, WeightsError};
use crate::{Error, Result};

/// A training run.
pub struct Trainer {
    config: TrainConfig,
    network: Network,
    labels: LabelSet,
    device: Device,
    student: Model,
    /// The moving average of the student, outside autodiff; `None` without MedContext.
    teacher: Option<Model>,
    optimizer: ModuleOptimizer,
    sampler: Sampler,
    validation: Vec<Case>,
    training_cases: usize,
    channels: usize,
    masks: ChaCha8Rng,
    /// Steps done.
    iteration: usize,
    stopped: bool,
    finished: bool,
    best_dice: Option<f64>,
    last_dice: Option<f64>,
    started: Option<Instant>,
    /// Events that follow from the last unit of work.
    pending: VecDeque<Pending>,
}

/// Work that a step leaves behind.
enum Pending {
    Validate,
    Save(CheckpointKind),
}

impl Trainer {
    /// Prepares a run on labelled cases. `start` is a weights file to go on from, of the same
    /// network and patch, and the same number of classes unless `config.new_head` is set.
    ///
    /// # Errors
    /// When settings cannot work, no case has labels, or `start` belongs to another network.
    pub fn new(
        config: TrainConfig,
        mut training: Vec<Case>,
        validation: Vec<Case>,
        labels: LabelSet,
        start: Option<&[u8]>,
        device: &Device,
    ) -> Result<Self> {
        let network = config.resolved_network();
        config.check(&network)?;
        training.retain(|case| case.label.is_some());
        if training.is_empty() {
            return Err(crate::dataset::DatasetError::NoLabelledCase.into());
        }
        let channels = Case::common_channels(&training)?;
        let autodiff = device.clone().autodiff();
        // Of what the network itself draws: DropPath.
        autodiff.seed(config.seed);
        let student = match start {
            Some(bytes) => continue_from(bytes, &config, &network, &labels, channels, &autodiff)?,
            None => network.build(channels, labels.classes(), config.patch, config.seed, &autodiff),
        };
        let prepared: Vec<Prepared> = training
            .iter()
            .map(|case| {
                let label = case.label.as_ref().map(|label| (label, &labels));
                Prepared::new(&case.images(), label, &config.preprocessing, config.patch)
            })
            .collect();
        // Independent streams, so that switching the mask off leaves every crop where it was.
        let sampler = Sampler::new(
            prepared,
            config.patch,
            config.sampling,
            config.augmentation,
            config.preprocessing.axes.slice_axis(),
            config.seed ^ 0x5EED_CA5E,
        );
        let masks = ChaCha8Rng::seed_from_u64(config.seed ^ 0x7AB3);
        let optimizer = AdamWConfig::new()
            .with_epsilon(1e-8)
            .with_weight_decay(config.weight_decay as f32)
            .init();
        Ok(Self {
            teacher: config.medcontext.enabled.then(|| student.valid()),
            training_cases: training.len(),
            channels,
            network,
            labels,
            device: autodiff,
            student,
            optimizer,
            sampler,
            validation,
            masks,
            iteration: 0,
            stopped: false,
            finished: false,
            best_dice: None,
            last_dice: None,
            started: None,
            pending: VecDeque::new(),
            config,
        })
    }

    /// Ends the run early: what is left is a last checkpoint and [`Event::Finished`].
    pub fn stop(&mut self) {
        let started = self.iteration > 0 && !self.finished;
        if started && !self.stopped && self.pending.is_empty() {
            self.pending.push_back(Pending::Save(CheckpointKind::Last));
        }
        self.stopped = true;
    }

    /// The student outside autodiff, for a look at its predictions.
    pub fn student(&self) -> Model {
        self.student.valid()
    }

    /// What a checkpoint taken now would say about itself.
    pub fn metadata(&self) -> Metadata {
        Metadata {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            network: self.network.clone(),
            channels: self.channels,
            patch: self.config.patch,
            preprocessing: self.config.preprocessing,
            labels: self.labels.clone(),
            training: Training {
                iterations: self.iteration,
                medcontext: self.config.medcontext.enabled,
                seed: self.config.seed,
                cases: self.training_cases,
                validation_dice: self.last_dice,
            },
        }
    }

    /// Does the next unit of work and says what was done; `None` after [`Event::Finished`].
    ///
    /// # Errors
    /// When the device fails. Checkpoints that were handed out before stay good.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        let Some(started) = self.started else {
            self.started = Some(Instant::now());
            return Ok(Some(Event::Started {
                backbone: self.network.backbone().to_string(),
                parameters: self.student.parameters(),
                training_cases: self.training_cases,
                validation_cases: self.validation.len(),
                iterations: self.config.iterations,
            }));
        };
        if let Some(pending) = self.pending.pop_front() {
            return self.follow_up(pending).await.map(Some);
        }
        if self.finished {
            return Ok(None);
        }
        if self.iteration < self.config.iterations && !self.stopped {
            return self.step(started).await.map(Some);
        }
        self.finished = true;
        Ok(Some(Event::Finished {
            iteration: self.iteration,
            stopped: self.iteration < self.config.iterations,
            best_dice: self.best_dice,
            seconds: started.elapsed().as_secs_f64(),
        }))
    }

    async fn follow_up(&mut self, pending: Pending) -> Result<Event> {
        match pending {
            Pending::Validate => self.validate().await,
            Pending::Save(kind) => Ok(Event::Checkpoint {
                iteration: self.iteration,
                kind,
                weights: weights::save(&self.student.valid(), &self.metadata(), Precision::F32)
                    .await?,
            }),
        }
    }

    async fn step(&mut self, run_started: Instant) -> Result<Event> {
        let started = Instant::now();
        let (index, config) = (self.iteration, &self.config);
        let batch = self
            .sampler
            .batch(config.batch_size, self.labels.classes(), &self.device);
        let learning_rate = config.learning_rate
            * warmup_cosine(
                index,
                config.warmup_steps(),
                config.iterations,
                Warmup::Next,
            );
        let loss = self.update(batch, learning_rate);

        let mut momentum_now = None;
        if let Some(teacher) = self.teacher.take() {
            let m = momentum(
                self.config.medcontext.momentum,
                index,
                self.config.iterations,
            );
            self.teacher = Some(update_teacher(teacher, &self.student, m));
            momentum_now = Some(m);
        }
        let losses = read(loss).await?;
        self.iteration += 1;
        self.plan_follow_up();

        let elapsed = run_started.elapsed().as_secs_f64();
        let left = self.config.iterations - self.iteration;
        Ok(Event::Step {
            iteration: self.iteration,
            losses,
            learning_rate,
            momentum: momentum_now,
            seconds: started.elapsed().as_secs_f64(),
            remaining_seconds: elapsed / self.iteration as f64 * left as f64,
        })
    }

    /// One forward and backward pass and one optimiser step.
    fn update(&mut self, batch: Patch, learning_rate: f64) -> JointLoss {
        let settings = &self.config.medcontext;
        let mask = self.teacher.as_ref().map(|teacher| {
            let grid = self.network.token_grid(self.config.patch);
            let axis = self.config.preprocessing.axes.slice_axis();
            let mask = TubeMask::draw(grid, axis, settings.mask_ratio, &mut self.masks);
            (teacher, mask.on(&self.device))
        });
        let mask = mask.as_ref().map(|(teacher, mask)| (*teacher, mask));
        let loss = joint_loss(
            &self.student,
            mask,
            batch.x,
            &batch.y,
            &DiceCe {
                scale_weights: self.network.scale_weights(),
                ..DiceCe::default()
            },
            settings,
        );
        let gradients = GradientsParams::from_grads(loss.total.backward(), &self.student);
        let student = self.student.clone();
        self.student = self.optimizer.step(learning_rate, student, gradients);
        loss
    }

    /// After every `checkpoint_every` steps and at the end: validate and save. A stopped run saves
    /// without validating, so that it ends at once.
    fn plan_follow_up(&mut self) {
        let last = self.iteration == self.config.iterations;
        let due = self
            .iteration
            .is_multiple_of(self.config.checkpoint_every.max(1));
        if last || self.stopped || due {
            if !self.validation.is_empty() && !self.stopped {
                self.pending.push_back(Pending::Validate);
            }
            self.pending.push_back(Pending::Save(CheckpointKind::Last));
        }
    }

    async fn validate(&mut self) -> Result<Event> {
        let (model, metadata) = (self.student.valid(), self.metadata());
        let plain = self.device.clone().inner();
        let scores =
            validation::run(model, metadata, &self.validation, &self.config, &plain).await?;
        let best = self.best_dice.is_none_or(|best| scores.dice > best);
        self.last_dice = Some(scores.dice);
        if best {
            self.best_dice = Some(scores.dice);
            self.pending.push_back(Pending::Save(CheckpointKind::Best));
        }
        Ok(Event::Validated {
            iteration: self.iteration,
            dice: scores.dice,
            labels: scores.labels,
            best,
        })
    }
}

/// Loads `bytes` as the student of a run of `config`.
fn continue_from(
    bytes: &[u8],
    config: &TrainConfig,
    network: &Network,
    labels: &LabelSet,
    channels: usize,
    device: &Device,
) -> Result<Model> {
    let found = Metadata::read(bytes)?;
    found.check_channels(channels)?;
    let same_labels = found.labels.classes() == labels.classes();
    let same = found.network == *network && found.patch == config.patch;
    if !same || !(same_labels || config.new_head) {
        let expected = format!(
            "{} with {} classes and patch {:?}",
            network.backbone(),
            labels.classes(),
            config.patch
        );
        return Err(WeightsError::OtherNetwork {
            found: found.describe(),
            expected,
        }
        .into());
    }
    let fresh = network.build(channels, labels.classes(), config.patch, config.seed, device);
    let fit = Fit {
        new_head: config.new_head,
        ..Fit::default()
    };
    Ok(weights::fill(fresh, &weights::read_safetensors(bytes)?, fit)?.model)
}

/// Reads all terms of a loss from the device in one go.
async fn read(loss: JointLoss) -> Result<Losses> {
    let terms = [
        Some(loss.total),
        Some(loss.supervised),
        loss.masked,
        loss.consistency,
    ];
    let present: Vec<Tensor<1>> = terms.iter().flatten().cloned().map(Tensor::inner).collect();
    let values = Tensor::cat(present, 0).into_data_async().await;
    let values = values
        .map_err(|_| Error::Lost("training".to_owned()))?
        .convert::<f64>();
    let mut values = values.try_into_vec::<f64>().unwrap_or_default().into_iter();
    let mut next = |term: &Option<Tensor<1>>| term.as_ref().and_then(|_| values.next());
    Ok(Losses {
        total: next(&terms[0]).unwrap_or(f64::NAN),
        supervised: next(&terms[1]).unwrap_or(f64::NAN),
        masked: next(&terms[2]),
        consistency: next(&terms[3]),
    })
}
