//! The runner: one cell after another, one piece of work per call.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use burn::tensor::Device;
use web_time::Instant;

use super::cell::no_truth;
use super::pace::Pace;
use super::{Cell, CellResult, Event, Source};
use crate::dataset::{Case, LabelSet};
use crate::infer::{self, Predictor, Segmentation};
use crate::metric::{CaseScore, Evaluation};
use crate::pool::{Pool, Worker};
use crate::train::{self, CheckpointKind, RunState, Start, Trainer};
use crate::{Error, Result};

/// Trains, segments and measures cells. It may be dropped between two events: cells whose [`Event::Finished`] was
/// returned are done, and a new runner takes the others.
pub struct Runner<'a, S> {
    source: &'a S,
    device: Device,
    /// Devices that share the steps of training.
    others: Vec<Device>,
    /// Workers that share training and segmenting.
    workers: Vec<Rc<dyn Worker>>,
    cells: VecDeque<Cell>,
    count: usize,
    stage: Stage,
    stopped: bool,
    pace: Pace,
}

enum Stage {
    /// Between two cells.
    Idle,
    Training(Box<Training>),
    Measuring(Box<Measuring>),
}

struct Training {
    cell: Cell,
    trainer: Trainer,
    /// Whether it is the encoder's pretraining, which training follows.
    pretraining: bool,
    /// Steps and seconds of pretraining that this runner did, or an earlier one.
    before: (usize, f64),
    parameters: usize,
    /// Steps done by this runner, not before.
    steps: usize,
    seconds: f64,
    /// The newest weights.
    weights: Vec<u8>,
}

struct Measuring {
    cell: Cell,
    predictor: Predictor,
    pool: Pool,
    parameters: usize,
    seconds: f64,
    scores: Vec<CaseScore>,
}

impl<'a, S: Source> Runner<'a, S> {
    /// A runner for these cells, in this order.
    pub fn new(source: &'a S, cells: Vec<Cell>, device: &Device) -> Self {
        Self {
            source,
            device: device.clone(),
            others: Vec::new(),
            workers: Vec::new(),
            count: cells.len(),
            cells: cells.into(),
            stage: Stage::Idle,
            stopped: false,
            pace: Pace::default(),
        }
    }

    /// Shares the batches of every training step between other devices and the runner's own; see [`Trainer::share`].
    #[must_use]
    pub fn sharing(mut self, others: &[Device]) -> Self {
        self.others = others.to_vec();
        self
    }

    /// Shares training and segmenting with workers; see [`Trainer::share_with`].
    #[must_use]
    pub fn sharing_with(mut self, workers: &[Rc<dyn Worker>]) -> Self {
        self.workers = workers.to_vec();
        self
    }

    /// Ends early: what is being trained saves a last checkpoint and ends, and nothing is measured after that.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.cells.clear();
        match &mut self.stage {
            Stage::Training(training) => training.trainer.stop(),
            Stage::Measuring(_) => self.stage = Stage::Idle,
            Stage::Idle => {}
        }
    }

    /// Estimated wall time until the last cell is done, in seconds; `None` before the first step of the first.
    pub fn remaining_seconds(&self) -> Option<f64> {
        self.pace.remaining(self.cells.len())
    }

    /// The trainer of the cell that is being trained; its state should be saved after a checkpoint.
    pub fn trainer(&self) -> Option<&Trainer> {
        match &self.stage {
            Stage::Training(training) => Some(&training.trainer),
            _ => None,
        }
    }

    /// Does the next unit of work and reports it; `None` after the last cell.
    ///
    /// # Errors
    /// When a case cannot be read, settings are invalid, or the device fails.
    pub async fn next(&mut self) -> Result<Option<Event>, S::Error> {
        let asked = Instant::now();
        let event = self.unit().await?;
        match &event {
            Some(Event::Cell { done, .. }) => self.pace.begin(done.is_some()),
            Some(Event::Training(train::Event::Step { remaining_seconds, .. })) => {
                self.pace.estimate(*remaining_seconds);
            }
            _ => {}
        }
        self.pace.spend(asked.elapsed());
        if let Some(Event::Finished(_)) = &event {
            self.pace.finish();
        }
        Ok(event)
    }

    async fn unit(&mut self) -> Result<Option<Event>, S::Error> {
        loop {
            match std::mem::replace(&mut self.stage, Stage::Idle) {
                Stage::Idle => return self.begin(),
                Stage::Training(mut training) => match training.trainer.next().await? {
                    Some(event) => {
                        training.keep(&event);
                        let event = training.of_cell(event);
                        self.stage = Stage::Training(training);
                        if let Some(event) = event {
                            return Ok(Some(Event::Training(event)));
                        }
                    }
                    None if self.stopped => return Ok(None),
                    None if training.pretraining => {
                        let before = (training.cell.pretraining_steps(), training.seconds);
                        let weights = std::mem::take(&mut training.weights);
                        let start = Start::Weights(&weights);
                        self.stage = Stage::Training(Box::new(self.training(training.cell, start, before)?));
                    }
                    None => self.stage = Stage::Measuring(training.measure(&self.device, &self.workers).await?),
                },
                Stage::Measuring(mut measuring) => {
                    let Some(name) = measuring.cell.evaluation.get(measuring.scores.len()) else {
                        let names = self.source.label_names();
                        return Ok(Some(Event::Finished(Box::new(measuring.finish(&names)?))));
                    };
                    let case = self.source.read(name)?;
                    let (segmentation, score) = measuring.case(&case).await?;
                    let event = Event::Case {
                        segmentation: Box::new(segmentation),
                        score,
                        done: measuring.scores.len(),
                        cases: measuring.cell.evaluation.len(),
                    };
                    self.stage = Stage::Measuring(measuring);
                    return Ok(Some(event));
                }
            }
        }
    }

    /// Reads the cases of the next cell and builds its network.
    fn begin(&mut self) -> Result<Option<Event>, S::Error> {
        let Some(cell) = self.cells.pop_front() else {
            return Ok(None);
        };
        let state = self.source.state(&cell)?;
        let weights = match &state {
            Some(_) => None,
            None => self.source.start(&cell)?,
        };
        let start = match (&state, &weights) {
            (Some(state), _) => Start::Resume(state),
            (None, Some(weights)) => Start::Weights(weights),
            (None, None) => Start::Scratch,
        };
        let found = state.as_deref().map(RunState::read).transpose().map_err(Error::from)?;
        let pretrained = found.as_ref().is_some_and(|state| state.config.pretraining.is_none());
        let before = if pretrained { cell.pretraining_steps() } else { 0 };
        let event = Event::Cell {
            cell: Box::new(cell.clone()),
            number: self.count - self.cells.len(),
            cells: self.count,
            done: found.map(|state| before + state.steps_done()),
        };
        let training = match &cell.pretraining {
            Some(pretraining) if !pretrained => {
                let cases = self.source.pretraining(pretraining)?;
                let config = pretraining.config.clone();
                let trainer = Trainer::on(config, cases, Vec::new(), LabelSet::background(), start, &self.device)?;
                self.shared(Training::new(cell, trainer, true, (0, 0.0)))?
            }
            _ => self.training(cell, start, (before, 0.0))?,
        };
        self.stage = Stage::Training(Box::new(training));
        Ok(Some(event))
    }

    /// The training of a cell's network with labels, after pretraining of so many steps and seconds.
    fn training(&self, cell: Cell, start: Start<'_>, before: (usize, f64)) -> Result<Training, S::Error> {
        let (labels, cases) = self.source.training(&cell)?;
        let validation = self.source.validation(&cell)?;
        let trainer = Trainer::on(cell.config.clone(), cases, validation, labels, start, &self.device)?;
        Ok(self.shared(Training::new(cell, trainer, false, before))?)
    }

    /// The same, shared between devices and workers.
    fn shared(&self, mut training: Training) -> Result<Training> {
        training.trainer.share(&self.others)?;
        training.trainer.share_with(&self.workers)?;
        Ok(training)
    }
}

impl Training {
    fn new(cell: Cell, trainer: Trainer, pretraining: bool, before: (usize, f64)) -> Self {
        Self {
            cell,
            trainer,
            pretraining,
            before,
            parameters: 0,
            steps: 0,
            seconds: 0.0,
            weights: Vec::new(),
        }
    }

    /// An event of the trainer as one of the cell, whose steps are those of pretraining and training; `None` where the
    /// cell goes on.
    fn of_cell(&self, mut event: train::Event) -> Option<train::Event> {
        let (steps, seconds_before) = self.before;
        let all = self.cell.steps();
        match &mut event {
            train::Event::Started {
                iteration, iterations, ..
            } => {
                if steps > 0 && *iteration == 0 {
                    return None;
                }
                *iteration += steps;
                *iterations = all;
            }
            train::Event::Step {
                iteration,
                seconds,
                remaining_seconds,
                ..
            } => {
                *iteration += steps;
                if self.pretraining {
                    // A step of training takes about as long.
                    *remaining_seconds += *seconds * self.cell.config.all_iterations() as f64;
                }
            }
            train::Event::Validated { iteration, .. }
            | train::Event::Checkpoint { iteration, .. }
            | train::Event::SecondStage { iteration, .. } => *iteration += steps,
            train::Event::Finished {
                iteration,
                stopped,
                seconds,
                ..
            } => {
                if self.pretraining && !*stopped {
                    return None;
                }
                *iteration += steps;
                *seconds += seconds_before;
            }
        }
        Some(event)
    }

    /// Records what the result needs.
    fn keep(&mut self, event: &train::Event) {
        match event {
            train::Event::Started { parameters, .. } => self.parameters = *parameters,
            // The best weights come before the last ones, and only where there is validation.
            train::Event::Checkpoint { kind, weights, .. }
                if *kind == CheckpointKind::Best || self.cell.validation.is_empty() || self.pretraining =>
            {
                self.weights.clone_from(weights);
            }
            train::Event::Step { .. } => self.steps += 1,
            // For a resumed run, extrapolated to all of its steps.
            train::Event::Finished { iteration, seconds, .. } => {
                self.seconds = self.before.1 + seconds * *iteration as f64 / self.steps.max(1) as f64
            }
            _ => {}
        }
    }

    async fn measure(self: Box<Self>, device: &Device, workers: &[Rc<dyn Worker>]) -> Result<Box<Measuring>> {
        let predictor = Predictor::load(&self.weights, device)?;
        Ok(Box::new(Measuring {
            pool: predictor.pool(workers).await?,
            predictor,
            cell: self.cell,
            parameters: self.parameters,
            seconds: self.seconds,
            scores: Vec::new(),
        }))
    }
}

impl Measuring {
    async fn case(&mut self, case: &Case) -> Result<(Segmentation, CaseScore)> {
        let truth = case.label.as_ref().ok_or_else(|| no_truth(&case.id))?;
        let mut run = self.predictor.start_channels(&case.images(), self.cell.predict)?;
        let mut finished = None;
        while let Some(event) = run.next_in(&mut self.pool).await? {
            if let infer::Event::Finished { segmentation, .. } = event {
                finished = Some(*segmentation);
            }
        }
        let segmentation = finished.ok_or_else(|| Error::Lost("segmenting".to_owned()))?;
        let predicted = &segmentation.labels;
        let score = self
            .cell
            .targets
            .score(&case.id, predicted, truth, self.cell.protocol)?;
        self.scores.push(score.clone());
        Ok((segmentation, score))
    }

    fn finish(self: Box<Self>, names: &BTreeMap<u16, String>) -> Result<CellResult> {
        let learned = &self.predictor.metadata().labels;
        let known = learned.ids().iter().copied().zip(learned.names().iter().cloned());
        let names = names.clone().into_iter().chain(known).collect();
        let labels = self.cell.targets.label_set(&self.scores, &names)?;
        Ok(CellResult {
            evaluation: Evaluation::new(self.scores, &labels, self.cell.protocol),
            cell: self.cell,
            parameters: self.parameters,
            seconds: self.seconds,
        })
    }
}
