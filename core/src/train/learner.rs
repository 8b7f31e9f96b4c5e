//! The learner: student, EMA teacher and optimizer, advanced one step at a time.

use std::io::Write;
use std::rc::Rc;

use burn::module::Module;
use burn::optim::GradientsAccumulator;
use burn::tensor::{Device, Tensor};

use super::flat::{lost, numbers};
use super::optimizer::norm_of;
use super::pooled::{self, Drawn, Round, Source, StepWeights};
use super::precision::gather;
use super::replica::{Replica, step_mask, to_device};
use super::student::Student;
use super::{LossScale, Losses, Optimizer, Restoration, RunState, TrainConfig};
use crate::backbone::{Model, Network};
use crate::dataset::LabelSet;
use crate::loss::MultiScaleLoss;
use crate::medcontext::{JointLoss, TestWeights, update_teacher};
use crate::pool::{Pool, Worker};
use crate::transform::HostBatch;
use crate::weights::{self, Precision, Tensors, WeightsError};
use crate::{Error, Result};

/// The student, its EMA teacher and the optimizer.
pub(super) struct Learner {
    network: Network,
    labels: LabelSet,
    student: Student,
    /// The moving average of the student, outside autodiff.
    teacher: Option<Model>,
    optimizer: Optimizer,
    /// Loss scale, in f16.
    loss_scale: Option<LossScale>,
    /// The devices that share the batches of a step. The learner is on the first.
    devices: Vec<Device>,
    /// Workers that share them too.
    pool: Pool,
    /// Momentum of the teacher's update since the last step, if there was one.
    momentum: Option<f64>,
}

impl Learner {
    /// A learner for `student`, whose parameters are on `device`, which tracks gradients.
    pub fn new(
        network: Network,
        student: impl Into<Student>,
        labels: LabelSet,
        config: &TrainConfig,
        device: Device,
    ) -> Self {
        let student = student.into();
        Self {
            network,
            labels,
            teacher: config.medcontext.has_teacher().then(|| student.model.valid()),
            student,
            optimizer: Optimizer::new(config.optimizer, config.weight_decay, config.clip_norm),
            loss_scale: config.mixed_precision.loss_scale(),
            devices: vec![device],
            pool: Pool::default(),
            momentum: None,
        }
    }

    /// Shares every step's batches with other devices.
    pub fn share(&mut self, others: &[Device]) {
        let others = others.iter().map(|device| device.clone().autodiff());
        self.devices.truncate(1);
        self.devices.extend(others);
    }

    /// Shares every step's batches with workers, each at most one at a time.
    pub fn share_with(&mut self, workers: &[Rc<dyn Worker>], config: &TrainConfig, channels: usize) -> Result<()> {
        let useful = match config.pretraining {
            // Workers have no layers of pretraining.
            Some(_) => 0,
            None => workers
                .len()
                .min(config.accumulation.saturating_sub(self.devices.len())),
        };
        self.pool = pooled::pool(&workers[..useful], config, &self.labels, channels)?;
        Ok(())
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    pub fn student(&self) -> &Model {
        &self.student.model
    }

    /// Trainable parameters.
    pub fn parameters(&self) -> usize {
        let head = self.student.head.as_ref();
        self.student.model.parameters() + head.map_or(0, Module::num_params)
    }

    /// The weights that are validated and saved, outside autodiff.
    pub fn eval_model(&self, config: &TrainConfig) -> Model {
        match (config.medcontext.test_weights, &self.teacher) {
            (TestWeights::Teacher, Some(teacher)) => teacher.clone(),
            _ => self.student.model.valid(),
        }
    }

    /// One optimizer step over batches from `draw`; returns their mean losses, outside autodiff. `index` is the number
    /// of the step, on which all its randomness depends. If the loss or its gradients overflow in f16, the student is
    /// not changed.
    pub async fn step(
        &mut self,
        index: usize,
        rate: f64,
        config: &TrainConfig,
        mut draw: impl FnMut(usize) -> HostBatch,
    ) -> Result<JointLoss> {
        let batches = config.accumulation;
        let loss = MultiScaleLoss::new(config.loss, self.network.scale_weights());
        let replicas = self.replicas(index, config);
        let scale = self.loss_scale.map_or(1.0, |scale| scale.factor);
        let mut source = Source::Updated(self.momentum.take());
        let here = |replica: &Replica, Drawn { number, patches }: Drawn| {
            let batch = patches.upload(&self.labels, &replica.device);
            replica.gradients(batch, number, (&loss, &self.network), config, scale)
        };
        let (mut sum, mut losses) = (GradientsAccumulator::new(), Vec::new());
        let mut done = 0;
        while done < batches {
            let end = (done + replicas.len() + self.pool.size()).min(batches);
            let drawn = |batch| Drawn {
                number: index * batches + batch,
                patches: draw(batch),
            };
            let round = Round {
                step: index,
                batches: (done..end).map(drawn).collect(),
                weights: self.weights(source).await?,
            };
            (done, source) = (end, Source::Held);
            // Results are summed in the order of the batches, regardless of the number of devices and workers.
            for (gradients, terms) in round
                .compute(&replicas, &mut self.pool, &self.student.model, here)
                .await?
            {
                let gradients = gather(gradients, &self.student, &self.devices[0], scale);
                sum.accumulate(&self.student, gradients);
                losses.push(to_device(terms, &self.devices[0]));
            }
        }
        drop(replicas);
        let (gradients, losses) = (sum.grads(), mean(losses));
        let needed = self.loss_scale.is_some() || self.optimizer.clips();
        let norm = needed.then(|| norm_of(&self.student, &gradients)).flatten();
        if self.scale_fits(index, &losses, norm.as_ref()).await? {
            let student = &mut self.student;
            self.optimizer.step_with_norm(rate, student, gradients, batches, norm);
        }
        Ok(losses)
    }

    /// What workers need of the weights of a step, from this source if they are ready; nothing without any.
    async fn weights(&self, source: Source) -> Result<Option<StepWeights>> {
        let source = if self.pool.is_ready() { source } else { Source::Sent };
        match self.pool.size() {
            0 => Ok(None),
            _ => StepWeights::read(source, &self.student.model, self.teacher.as_ref())
                .await
                .map(Some),
        }
    }

    /// Whether a scaled loss and the norm of its gradients are finite; updates the scale.
    async fn scale_fits(&mut self, index: usize, loss: &JointLoss, norm: Option<&Tensor<1>>) -> Result<bool> {
        let Some(scale) = self.loss_scale else {
            return Ok(true);
        };
        let asked = norm.into_iter().chain([&loss.total]).cloned().collect();
        let finite = numbers(asked).await?.iter().all(|x| x.is_finite());
        if !finite && scale.factor < 1.0 {
            // Overflow without any scaling is due to the weights.
            return Err(Error::Diverged { step: index + 1 });
        }
        self.loss_scale = Some(scale.after(finite));
        Ok(finite)
    }

    /// The learner's models, and a copy on every other device.
    fn replicas(&self, index: usize, config: &TrainConfig) -> Vec<Replica> {
        let mask = step_mask(&self.network, config, index);
        let (teacher, mask) = (self.teacher.as_ref(), mask.as_ref());
        let precision = config.mixed_precision;
        let on = |(index, device)| Replica::new(&self.student, index > 0, teacher, mask, precision, device);
        self.devices.iter().enumerate().map(on).collect()
    }

    /// A patch as it is restored, in pretraining.
    pub async fn restoration(&self, batch: HostBatch, config: &TrainConfig) -> Result<Option<Restoration>> {
        Restoration::of(&self.student, &self.network, batch, config, &self.devices[0]).await
    }

    /// Updates the EMA teacher.
    pub fn update_teacher(&mut self, momentum: f64) {
        if let Some(teacher) = self.teacher.take() {
            self.teacher = Some(update_teacher(teacher, &self.student.model, momentum));
            self.momentum = Some(momentum);
        }
    }

    pub fn optimizer_steps(&self) -> usize {
        self.optimizer.steps()
    }

    pub fn loss_scale(&self) -> Option<LossScale> {
        self.loss_scale
    }

    /// Writes everything into one file, with the first stage of a cascade if there is one.
    pub async fn save(
        &self,
        state: &RunState,
        coarse: Option<&Model>,
        sink: &mut impl Write,
    ) -> Result<(), WeightsError> {
        let student = self.student.valid();
        let moments = self.optimizer.state(&self.student);
        let names: Vec<String> = (0..moments.len()).map(moment_name).collect();
        let mut parts = weights::collect(STUDENT, &student);
        let models = [(TEACHER, self.teacher.as_ref()), (weights::COARSE, coarse)];
        let models = models.into_iter().filter_map(|(prefix, model)| Some((prefix, model?)));
        parts.extend(models.flat_map(|(prefix, model)| weights::collect(prefix, model)));
        let moments = names.iter().zip(&moments);
        parts.extend(moments.flat_map(|(prefix, moments)| weights::collect(prefix, moments)));
        weights::write(parts, Precision::F32, &state.header()?, sink).await
    }

    /// Restores what [`save`](Self::save) wrote.
    pub fn restore(self, tensors: &Tensors<'_>, state: &RunState) -> Result<Self, WeightsError> {
        let student = weights::fill_part(self.student, tensors, STUDENT)?;
        // Clones keep the parameters' ids, which teacher and moments refer to.
        let teacher = |_| weights::fill_part(student.model.valid(), tensors, TEACHER);
        let teacher = self.teacher.map(teacher).transpose()?;
        let mut optimizer = self.optimizer;
        let names = (0..optimizer.moments()).map(moment_name);
        let part = |name: String| weights::fill_part(student.valid(), tensors, &name);
        let moments: Result<Vec<Student>, _> = names.map(part).collect();
        optimizer.restore(state.optimizer_steps, &moments?);
        Ok(Self {
            network: self.network,
            student,
            teacher,
            optimizer,
            // A run resumed in f16 after another type has no scale yet.
            loss_scale: self.loss_scale.map(|first| state.loss_scale.unwrap_or(first)),
            devices: self.devices,
            labels: self.labels,
            pool: self.pool,
            momentum: self.momentum,
        })
    }
}

/// Prefixes of the names of the state's parts.
const STUDENT: &str = "student.";
const TEACHER: &str = "teacher.";

fn moment_name(index: usize) -> String {
    format!("moment{index}.")
}

/// The mean of several losses, term by term.
fn mean(losses: Vec<JointLoss>) -> JointLoss {
    let count = losses.len();
    let sum = losses.into_iter().reduce(|a, b| a.zip(b).map(|(a, b)| a + b));
    // Settings without a batch are refused before a run starts.
    let sum = sum.expect("a step has at least one batch");
    if count == 1 {
        return sum;
    }
    sum.map(|term| term / count as f64)
}

/// Reads all terms of a loss from the device in one go.
pub(super) async fn read(loss: JointLoss) -> Result<Losses> {
    let terms = loss.clone().named().into_iter();
    let terms = terms.filter_map(|(_, term)| term).collect();
    let mut values = numbers(terms).await?.into_iter();
    loss.try_map(|_| values.next().ok_or_else(lost))
}

#[cfg(test)]
mod tests;
