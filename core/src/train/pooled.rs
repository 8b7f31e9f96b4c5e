//! Batches of a step, shared with the workers of a pool.
//!
//! A worker computes the gradients of a batch for the weights that come with it: what it holds between two steps are
//! the settings alone, so copies cannot drift apart.

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
use crate::medcontext::JointLoss;
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
    /// Compute gradients. The parts are intensities, classes, the student's values and the teacher's, if there is one.
    Gradients {
        /// The step, from 0.
        step: usize,
        /// The number of the batch in the run.
        number: usize,
        /// Of the batch, `[batch, channel, d, h, w]`.
        shape: [usize; 5],
    },
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
    student: Arc<Vec<u8>>,
    teacher: Option<Arc<Vec<u8>>>,
}

impl StepWeights {
    /// Reads them from the device.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn read(student: &Model, teacher: Option<&Model>) -> Result<Self> {
        Ok(Self {
            student: to_bytes(&flat::values(&student.valid()).await?),
            teacher: match teacher {
                Some(teacher) => Some(to_bytes(&flat::values(teacher).await?)),
                None => None,
            },
        })
    }

    /// The part of a step that one worker does.
    fn with(&self, step: usize, Drawn { number, patches }: &Drawn) -> Result<Message> {
        let request = Request::Gradients {
            step,
            number: *number,
            shape: patches.shape,
        };
        let intensities = to_bytes(&patches.intensities);
        let classes = Arc::new(patches.classes.clone());
        let mut parts = vec![intensities, classes, Arc::clone(&self.student)];
        parts.extend(self.teacher.clone());
        Message::new(Kind::Training, &request, parts)
    }
}

/// The patches of a batch, and its number in the run.
pub(super) struct Drawn {
    pub number: usize,
    pub patches: HostBatch,
}

/// Batches that are computed at the same time: one on each device, then one by each worker.
pub(super) struct Round<'a> {
    /// The step, from 0.
    pub step: usize,
    /// At most as many as there are devices and workers.
    pub batches: Vec<Drawn>,
    /// What workers need; nothing without any.
    pub weights: Option<&'a StepWeights>,
}

impl Round<'_> {
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
        let part = |batch| self.weights.map(|weights| weights.with(self.step, batch));
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
    let values = floats(answer.part(0)?);
    let gradients = flat::gradients(&values, &present, student, device)?;
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
    /// A network to fill with each step's weights.
    model: Model,
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
                });
                Message::new(Kind::Training, &(), Vec::new())
            }
            Request::Gradients { step, number, shape } => {
                let run = self.run.as_ref();
                let run = run.ok_or_else(|| Error::Pool("a batch came before its network".to_owned()))?;
                run.gradients(message, step, (number, shape), &self.device.clone().autodiff())
                    .await
            }
        }
    }
}

impl Run {
    async fn gradients(
        &self,
        message: &Message,
        step: usize,
        (number, shape): (usize, [usize; 5]),
        device: &Device,
    ) -> Result<Message> {
        let student = Student::from(flat::fill(self.model.clone(), &floats(message.part(2)?))?);
        let teacher = message
            .parts
            .get(3)
            .map(|part| flat::fill(self.model.valid(), &floats(part)));
        let (teacher, mask) = (teacher.transpose()?, step_mask(&self.network, &self.config, step));
        let off = MixedPrecision::Off;
        let replica = Replica::new(&student, true, teacher.as_ref(), mask.as_ref(), off, device);
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
