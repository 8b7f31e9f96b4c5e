//! Batches of a step, shared with the workers of a pool.
//!
//! A worker computes the gradients of a batch for a student that is sent to it in every step. The teacher follows the
//! student, so once a worker has it, it updates its own as the learner does: to the same values.

use std::rc::Rc;
use std::sync::Arc;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::flat::{self, lost, numbers};
use super::replica::{Replica, step_mask};
use super::student::Student;
use super::{MixedPrecision, TrainConfig};
use crate::backbone::{Model, Network};
use crate::dataset::LabelSet;
use crate::infer::WindowServer;
use crate::loss::{MultiScaleLoss, Terms};
use crate::medcontext::{JointLoss, update_teacher};
use crate::pool::{Kind, Message, Pool, Worker, floats, to_bytes};
use crate::transform::HostBatch;
use crate::{Error, Result};

/// What is asked of a worker.
#[derive(Debug, Serialize, Deserialize)]
enum Request {
    /// Build the network of a run.
    Build {
        config: Box<TrainConfig>,
        labels: LabelSet,
        channels: usize,
    },
    /// Compute gradients. The parts are intensities, classes, and what [`Source`] says.
    Gradients {
        /// The step, from 0.
        step: usize,
        /// The number of the batch in the run.
        number: usize,
        /// Of the batch, `[batch, channel, d, h, w]`.
        shape: [usize; 5],
        weights: Source,
    },
}

/// How a worker comes by the weights of a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Source {
    /// The values of the student come with the batch, and the teacher's, if there is one.
    Sent,
    /// The student's come, and the worker updates the teacher of the step before with this momentum; without one the
    /// teacher has stayed the same.
    Updated(Option<f64>),
    /// They came with a batch of the same step.
    Held,
}

/// The answer: the gradients are its only part.
#[derive(Debug, Serialize, Deserialize)]
struct Computed {
    /// Which parameters have a gradient.
    present: Vec<bool>,
    losses: Terms<f64>,
}

/// Workers for the steps of a run.
pub(super) fn pool(
    workers: &[Rc<dyn Worker>],
    config: &TrainConfig,
    labels: &LabelSet,
    channels: usize,
) -> Result<Pool> {
    if workers.is_empty() {
        return Ok(Pool::default());
    }
    let request = Request::Build {
        config: Box::new(config.clone()),
        labels: labels.clone(),
        channels,
    };
    Ok(Pool::new(workers, Message::new(Kind::Training, &request, Vec::new())?))
}

/// The weights of a step, as they are sent with its batches.
pub(super) struct StepWeights {
    source: Source,
    parts: Vec<Arc<Vec<u8>>>,
}

impl StepWeights {
    /// Reads from the device what is sent.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn read(source: Source, student: &Model, teacher: Option<&Model>) -> Result<Self> {
        let mut parts = Vec::new();
        if source != Source::Held {
            parts.push(to_bytes(&flat::values(&student.valid()).await?));
        }
        if let (Source::Sent, Some(teacher)) = (source, teacher) {
            parts.push(to_bytes(&flat::values(teacher).await?));
        }
        Ok(Self { source, parts })
    }

    /// The part of a step that one worker does.
    fn with(&self, step: usize, Drawn { number, patches }: &Drawn) -> Result<Message> {
        let request = Request::Gradients {
            step,
            number: *number,
            shape: patches.shape,
            weights: self.source,
        };
        let intensities = to_bytes(&patches.intensities);
        let mut parts = vec![intensities, Arc::new(patches.classes.clone())];
        parts.extend(self.parts.iter().cloned());
        Message::new(Kind::Training, &request, parts)
    }
}

/// The patches of a batch, and its number in the run.
pub(super) struct Drawn {
    pub number: usize,
    pub patches: HostBatch,
}

/// Batches that are computed at the same time: one on each device, then one by each worker.
pub(super) struct Round {
    /// The step, from 0.
    pub step: usize,
    /// At most as many as there are devices and workers.
    pub batches: Vec<Drawn>,
    /// What workers need; nothing without any.
    pub weights: Option<StepWeights>,
}

impl Round {
    /// Gradients of `student` and losses of each batch, in order. `here` computes a batch on a device; what a worker
    /// failed to do is done on the first.
    ///
    /// # Errors
    /// When a batch cannot be sent.
    pub async fn compute(
        self,
        replicas: &[Replica],
        pool: &mut Pool,
        student: &Model,
        here: impl Fn(&Replica, Drawn) -> (GradientsParams, JointLoss),
    ) -> Result<Vec<(GradientsParams, JointLoss)>> {
        let mut own = self.batches;
        let others = own.split_off(replicas.len().min(own.len()));
        let part = |batch| self.weights.as_ref().map(|weights| weights.with(self.step, batch));
        let parts = others.iter().filter_map(part).collect::<Result<Vec<_>>>()?;
        // All devices get their work before the first result is fetched, so they work concurrently.
        let own = async {
            let pairs = replicas.iter().zip(own);
            pairs.map(|(replica, batch)| here(replica, batch)).collect::<Vec<_>>()
        };
        let (mut found, answers) = pool.share(parts, own).await;
        for (batch, answer) in others.into_iter().zip(answers) {
            let answer = answer.map(|answer| gradients(&answer, student, &replicas[0].device));
            found.push(match answer {
                Some(Ok(found)) => found,
                _ => here(&replicas[0], batch),
            });
        }
        Ok(found)
    }
}

/// The gradients of `student` in a worker's answer, and the losses, on `device`.
fn gradients(answer: &Message, student: &Model, device: &Device) -> Result<(GradientsParams, JointLoss)> {
    let Computed { present, losses } = answer.body()?;
    let gradients = flat::gradients(answer.part(0)?, &present, student, device)?;
    let plain = device.clone().inner();
    Ok((gradients, losses.map(|term| Tensor::from_data([term as f32], &plain))))
}

/// The worker's side of a pool: does what [messages](Message) ask for, and keeps what was loaded between them.
pub struct PoolServer {
    windows: WindowServer,
    device: Device,
    run: Option<Run>,
}

/// A run that this worker takes part in.
struct Run {
    config: TrainConfig,
    labels: LabelSet,
    network: Network,
    /// A network to fill with weights.
    model: Model,
    /// Those of the last step that it took part in.
    held: Option<Held>,
}

/// The weights of a step.
struct Held {
    step: usize,
    student: Student,
    teacher: Option<Model>,
}

impl PoolServer {
    /// A worker that computes on `device`.
    pub fn new(device: &Device) -> Self {
        Self {
            windows: WindowServer::new(device.clone()),
            device: device.clone(),
            run: None,
        }
    }

    /// Does what a message asks for, and answers it. What cannot be done is answered so.
    pub async fn answer(&mut self, message: &Message) -> Message {
        let answer = match message.kind() {
            Ok(Kind::Segmentation) => self.windows.answer(message).await,
            Ok(Kind::Training) => self.train(message).await,
            Ok(Kind::Failed) => Err(Error::Pool("an answer came in place of a request".to_owned())),
            Err(error) => Err(error),
        };
        answer.unwrap_or_else(|error| Message::failed(&error))
    }

    async fn train(&mut self, message: &Message) -> Result<Message> {
        match message.body()? {
            Request::Build {
                config,
                labels,
                channels,
            } => {
                let network = config.resolved_network();
                let device = self.device.clone().autodiff();
                self.run = Some(Run {
                    model: network.build(channels, labels.outputs(), config.patch, config.seed, &device),
                    config: *config,
                    labels,
                    network,
                    held: None,
                });
                Message::new(Kind::Training, &(), Vec::new())
            }
            Request::Gradients {
                step,
                number,
                shape,
                weights,
            } => {
                let run = self.run.as_mut();
                let run = run.ok_or_else(|| Error::Pool("a batch came before its network".to_owned()))?;
                let held = run.weights(message, step, weights)?;
                let computed = run
                    .gradients(message, &held, (number, shape), &self.device.clone().autodiff())
                    .await;
                run.held = Some(held);
                computed
            }
        }
    }
}

impl Run {
    /// The weights of a step, and nothing held until they are put back.
    fn weights(&mut self, message: &Message, step: usize, source: Source) -> Result<Held> {
        let held = self.held.take();
        let missing = || Error::Pool(format!("the weights before step {} are missing", step + 1));
        if source == Source::Held {
            return held.filter(|held| held.step == step).ok_or_else(missing);
        }
        let student = flat::fill(self.model.clone(), message.part(2)?)?;
        let teacher = match source {
            Source::Updated(momentum) => {
                let before = held.filter(|held| held.step + 1 == step).ok_or_else(missing)?;
                match (before.teacher, momentum) {
                    (Some(teacher), Some(momentum)) => Some(update_teacher(teacher, &student, momentum)),
                    (teacher, _) => teacher,
                }
            }
            _ => {
                let sent = message.parts.get(3);
                sent.map(|part| flat::fill(self.model.valid(), part)).transpose()?
            }
        };
        Ok(Held {
            step,
            student: Student::from(student),
            teacher,
        })
    }

    async fn gradients(
        &self,
        message: &Message,
        held: &Held,
        (number, shape): (usize, [usize; 5]),
        device: &Device,
    ) -> Result<Message> {
        let Held { step, student, teacher } = held;
        let mask = step_mask(&self.network, &self.config, *step);
        let off = MixedPrecision::Off;
        let replica = Replica::new(student, true, teacher.as_ref(), mask.as_ref(), off, device);
        let batch = HostBatch {
            intensities: floats(message.part(0)?),
            classes: message.part(1)?.to_vec(),
            shape,
        };
        if batch.intensities.len() != shape.iter().product::<usize>() {
            return Err(Error::Pool(format!(
                "{} values are not {shape:?}",
                batch.intensities.len()
            )));
        }
        let batch = batch.upload(&self.labels, device);
        let loss = MultiScaleLoss::new(self.config.loss, self.network.scale_weights());
        let (gradients, losses) = replica.gradients(batch, number, (&loss, &self.network), &self.config, 1.0);
        let (values, present) = flat::gradient_values(gradients, &student.model).await?;
        let terms = losses
            .clone()
            .named()
            .into_iter()
            .filter_map(|(_, term)| term)
            .collect();
        let mut terms = numbers(terms).await?.into_iter();
        let losses = losses.try_map(|_| terms.next().ok_or_else(lost))?;
        Message::new(Kind::Training, &Computed { present, losses }, vec![to_bytes(&values)])
    }
}

#[cfg(test)]
mod tests;
