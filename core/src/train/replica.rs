//! A copy of the learner's models on one of the devices that share a step.
//!
//! Parameters are copied for every step and gradients are gathered on the first device: this works on every backend,
//! and copies cannot drift apart. burn 0.22 reduces gradients across devices only on CUDA.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::student::Student;
use super::{MixedPrecision, TrainConfig, random_streams};
use crate::backbone::{Model, Network};
use crate::loss::MultiScaleLoss;
use crate::medcontext::{Backward, ConsistencyTarget, JointLoss, Masked, TubeMask, joint_gradients};
use crate::nn::TokenMask;
use crate::pretrain::Task;
use crate::transform::Batch;

/// Student, teacher and mask on one device.
pub(super) struct Replica {
    /// The device, which tracks gradients.
    pub device: Device,
    student: Student,
    teacher: Option<Model>,
    mask: Option<TokenMask>,
}

impl Replica {
    /// The models on `device`, in the type of the passes. A replica that is `apart` is a copy there, with its own
    /// running statistics, which are dropped with it; otherwise it is the student itself.
    pub fn new(
        student: &Student,
        apart: bool,
        teacher: Option<&Model>,
        mask: Option<&TubeMask>,
        precision: MixedPrecision,
        device: &Device,
    ) -> Self {
        let plain = device.clone().inner();
        // Clones share their running statistics, and a move to another device changes them in place: without copies,
        // student and teacher would lose theirs to that device. A copy is moved outside autodiff: burn 0.22 keeps every
        // operation on a parameter that no loss depends on, such as a decoder's in pretraining, as long as the
        // parameter lives, and looks through all of them in every step.
        let (student, teacher) = if apart {
            let teacher = teacher.map(|teacher| teacher.valid().to_device(&plain));
            (student.valid().to_device(&plain).train(), teacher)
        } else {
            (student.clone(), teacher.cloned())
        };
        Self {
            device: device.clone(),
            student: precision.lower(student),
            teacher: teacher.map(|teacher| precision.lower(teacher)),
            mask: mask.map(|mask| mask.on(device)),
        }
    }

    /// Gradients (multiplied by `scale`) and losses of one batch, still on this device. `number` is the batch's number
    /// in the run.
    pub fn gradients(
        &self,
        batch: Batch,
        number: usize,
        (loss, network): (&MultiScaleLoss, &Network),
        config: &TrainConfig,
        scale: f64,
    ) -> (GradientsParams, JointLoss) {
        // Seeds the network's own randomness: DropPath.
        self.device.seed(config.seed.wrapping_add(number as u64));
        let x = batch.x.cast(config.mixed_precision.dtype());
        if let (Some(head), Some(settings)) = (&self.student.head, &config.pretraining) {
            let mut rng = ChaCha8Rng::seed_from_u64(config.seed ^ random_streams::MASKS);
            rng.set_stream(number as u64);
            let progress = number as f64 / (config.iterations * config.accumulation) as f64;
            let task = Task::new(&self.student.model, network, settings, progress);
            let loss = task.and_then(|task| head.loss(&task, x, &mut rng));
            // There is a head only where the network can be pretrained.
            return self.pretraining_gradients(loss.expect("a network that can be pretrained"), scale);
        }
        let teacher = self.teacher.as_ref();
        let masked = self.mask.as_ref().map(|mask| Masked {
            mask,
            target: teacher.map_or(ConsistencyTarget::Student, ConsistencyTarget::Teacher),
            settings: &config.medcontext,
        });
        let backward = Backward {
            sequential: config.sequential_views,
            scale,
        };
        joint_gradients(&self.student.model, masked, x, &batch.y, loss, backward)
    }

    /// The same from a self-supervised loss.
    fn pretraining_gradients(&self, loss: Tensor<1>, scale: f64) -> (GradientsParams, JointLoss) {
        let gradients = (loss.clone() * scale).backward();
        let loss = loss.inner();
        let terms = JointLoss {
            supervised: loss.zeros_like(),
            total: loss,
            masked: None,
            consistency: None,
        };
        (GradientsParams::from_grads(gradients, &self.student), terms)
    }
}

/// The terms of a loss on another device.
pub(super) fn to_device(loss: JointLoss, device: &Device) -> JointLoss {
    let plain = device.clone().inner();
    loss.map(|term| term.to_device(&plain))
}

/// One mask for all patches of step `index`, as in the released code.
pub(super) fn step_mask(network: &Network, config: &TrainConfig, index: usize) -> Option<TubeMask> {
    let settings = &config.medcontext;
    settings.has_masked_view_at(index, config.iterations).then(|| {
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed ^ random_streams::MASKS);
        rng.set_stream(index as u64);
        let grid = network.token_grid(config.patch);
        let axis = settings.tube_axis.index(config.preprocessing.slice_axis());
        TubeMask::draw(grid, axis, settings, &mut rng)
    })
}
