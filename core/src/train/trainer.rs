//! The trainer: one unit of work per call, one event per unit.
//!
//! All events come from [`Trainer::next`]. The caller may pause between calls, stop the trainer, or drop it; nothing
//! runs in the background. A cascade ([`TrainConfig::coarse`]) is one run: its two stages follow each other.

mod coarse;
mod stage;

use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use burn::tensor::Device;

use self::coarse::Coarse;
use self::stage::Stage;
use super::{Event, HeldOut, Restoration, Start, TrainConfig, TrainingSet};
use crate::dataset::{Case, LabelSet};
use crate::infer::Predictor;
use crate::pool::Worker;
use crate::weights::Metadata;
use crate::{Error, Result};

/// A training run.
pub struct Trainer {
    stage: Stage,
    /// The second stage of a cascade, while the first is trained.
    second: Option<Second>,
    /// Steps and wall time of a first stage that is done.
    before: (usize, Duration),
    device: Device,
    /// Devices that share the steps.
    others: Vec<Device>,
    /// Workers that share the work.
    workers: Vec<Rc<dyn Worker>>,
    stopped: bool,
}

/// What the second stage of a cascade is trained with.
struct Second {
    training: TrainingSet,
    /// Weights that it starts from.
    start: Option<Vec<u8>>,
}

impl Second {
    fn start(&self) -> Start<'_> {
        self.start.as_deref().map_or(Start::Scratch, Start::Weights)
    }
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

    /// Prepares a run on prepared training cases and on held-out cases that may be read on demand. Where weights to
    /// start from have a first stage, it is taken over and not trained again.
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
        let mut run = config.resolved();
        run.check(&run.resolved_network())?;
        let coarse = Coarse::of(start, device)?;
        if coarse.is_some() && matches!(start, Start::Weights(_)) {
            run.coarse = None;
        }
        let trainer = |stage, second, steps| Self {
            stage,
            second,
            before: (steps, Duration::ZERO),
            device: device.clone(),
            others: Vec::new(),
            workers: Vec::new(),
            stopped: false,
        };
        match (run.coarse.as_deref().cloned(), coarse) {
            (Some(first), None) => {
                let (set, second, start) = stages(training, start)?;
                second.training.check_unlabeled(&run, &labels)?;
                let channels = set.channels;
                if let start @ Start::Weights(_) = second.start() {
                    // Weights that do not fit are refused now, and not when the first stage is trained.
                    start.student(&run, &run.resolved_network(), &labels, channels, device)?;
                }
                let stage = Stage::new((first, run), set, validation, labels, start, None, device)?;
                Ok(trainer(stage, Some(second), 0))
            }
            (first, coarse) => {
                let steps = first.map_or(0, |first| first.iterations);
                let stage = Stage::new((run.clone(), run), training, validation, labels, start, coarse, device)?;
                Ok(trainer(stage, None, steps))
            }
        }
    }

    /// Writes everything needed to resume the run, for [`Start::Resume`]. It should be saved along with a checkpoint.
    ///
    /// # Errors
    /// When the device fails, the weights have become NaN or infinite, or writing to `sink` fails.
    pub async fn write_state(&self, sink: &mut impl Write) -> Result<()> {
        self.stage.write_state(sink).await
    }

    /// Shares the batches of every step between other devices and the run's own. Up to the rounding of sums, the result
    /// does not depend on their number.
    ///
    /// # Errors
    /// When there are more devices than batches per step.
    pub fn share(&mut self, others: &[Device]) -> Result<()> {
        self.stage.run().check_devices(others.len() + 1)?;
        self.stage.share(others);
        self.others = others.to_vec();
        Ok(())
    }

    /// Shares the batches of every step, as far as there are several, and the windows of validations with workers. Up
    /// to the rounding of sums, the result does not depend on their number.
    ///
    /// # Errors
    /// When the settings cannot be sent.
    pub fn share_with(&mut self, workers: &[Rc<dyn Worker>]) -> Result<()> {
        self.workers = workers.to_vec();
        self.stage.share_with(workers)
    }

    /// Ends the run early: only due checkpoints, at least a last one, and [`Event::Finished`] follow.
    pub fn stop(&mut self) {
        self.stage.stop();
        self.stopped = true;
    }

    /// Segments with the student as it is now, for previews of its predictions.
    pub fn predictor(&self) -> Predictor {
        self.stage.predictor()
    }

    /// Reference names of the parameters that the weights to start from have not, or not in the network's shape: they
    /// begin anew. Empty in a run from scratch.
    pub fn new_parameters(&self) -> &[String] {
        &self.stage.new_parameters
    }

    /// The first patch of a run of pretraining, as its network restores it now; `None` where it restores nothing.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn restoration(&self) -> Result<Option<Restoration>> {
        self.stage.restoration().await
    }

    /// The metadata of a checkpoint taken now.
    pub fn metadata(&self) -> Metadata {
        self.stage.metadata()
    }

    /// Does the next unit of work and reports it; `None` after [`Event::Finished`].
    ///
    /// # Errors
    /// When the device fails. Earlier checkpoints remain valid.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        let event = self.stage.next().await?;
        if let (Some(Event::Finished { stopped: false, .. }), false) = (&event, self.stopped)
            && let Some(second) = self.second.take()
        {
            return self.advance(second).await;
        }
        Ok(event.map(|event| self.of_run(event)))
    }

    /// Goes on to the second stage.
    async fn advance(&mut self, second: Second) -> Result<Option<Event>> {
        let run = self.stage.run().clone();
        let steps = run.all_iterations() - run.iterations;
        self.before = (steps, self.stage.spent);
        let validation = std::mem::take(&mut self.stage.validation);
        let (labels, coarse) = (self.stage.labels().clone(), self.stage.as_coarse());
        let Second { training, start } = second;
        let start = start.as_deref().map_or(Start::Scratch, Start::Weights);
        let settings = (run.clone(), run);
        self.stage = Stage::new(
            settings,
            training,
            validation,
            labels,
            start,
            Some(coarse),
            &self.device,
        )?;
        self.stage.share(&self.others);
        self.stage.share_with(&self.workers)?;
        // The run has started long ago.
        match self.stage.next().await? {
            Some(Event::Started { parameters, .. }) => Ok(Some(Event::SecondStage {
                iteration: steps,
                parameters,
            })),
            event => Ok(event.map(|event| self.of_run(event))),
        }
    }

    /// An event of a stage as one of the run: steps and times are those of both stages.
    fn of_run(&self, mut event: Event) -> Event {
        let (steps, spent) = self.before;
        match &mut event {
            Event::Started {
                iteration, iterations, ..
            } => {
                *iteration += steps;
                *iterations = self.stage.run().all_iterations();
            }
            Event::Step {
                iteration,
                seconds,
                remaining_seconds,
                ..
            } => {
                *iteration += steps;
                *remaining_seconds += self.second_seconds(*seconds);
            }
            Event::Validated { iteration, .. } | Event::Checkpoint { iteration, .. } => *iteration += steps,
            Event::Finished {
                iteration,
                stopped,
                seconds,
                ..
            } => {
                *iteration += steps;
                *stopped |= self.second.is_some();
                *seconds += spent.as_secs_f64();
            }
            Event::SecondStage { .. } => {}
        }
        event
    }

    /// Estimated wall time of the second stage, where a step of the first takes `seconds`: by multiply-adds.
    fn second_seconds(&self, seconds: f64) -> f64 {
        let run = self.stage.run();
        let (Some(_), Some(first)) = (&self.second, &run.coarse) else {
            return 0.0;
        };
        let (channels, outputs) = (self.stage.channels(), self.stage.labels().outputs());
        let step = |config: &TrainConfig| {
            let forward = config.resolved_network().multiply_adds(channels, outputs, config.patch);
            forward as f64 * config.patches_per_step() as f64
        };
        seconds * step(run) / step(first) * run.iterations as f64
    }
}

/// The cases of the first stage and what the second is trained with; and where the first starts.
fn stages(mut training: TrainingSet, start: Start<'_>) -> Result<(TrainingSet, Second, Start<'_>)> {
    let first = training.coarse.take().ok_or_else(|| {
        Error::Config(
            "the cases were not prepared for the first stage of a cascade: prepare them with its settings".to_owned(),
        )
    })?;
    let (weights, start) = match start {
        Start::Weights(bytes) => (Some(bytes.to_vec()), Start::Scratch),
        start => (None, start),
    };
    Ok((
        *first,
        Second {
            training,
            start: weights,
        },
        start,
    ))
}

#[cfg(test)]
mod tests;
