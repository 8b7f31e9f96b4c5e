//! A copy of what learns, on one of the devices that share a step.
//!
//! Parameters are copied for every step and gradients are gathered on the first device: it needs nothing of
//! a backend, and copies cannot drift apart. burn 0.22 reduces gradients across devices on CUDA alone.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};

use super::{DiceCe, MixedPrecision, TrainConfig};
use crate::backbone::Model;
use crate::medcontext::{Backward, Guide, JointLoss, Masked, TubeMask, joint_gradients};
use crate::nn::TokenMask;
use crate::transform::Patch;

/// Student, teacher and mask on one device.
pub(super) struct Replica {
    /// It tracks gradients.
    pub device: Device,
    student: Model,
    teacher: Option<Model>,
    mask: Option<TokenMask>,
}

impl Replica {
    /// Copies to `device` what is not there yet, in the type that passes are computed in. A replica that is
    /// `apart` has running statistics of its own, which are let go with it; the other's are the student's.
    pub fn new(
        student: &Model,
        apart: bool,
        teacher: Option<&Model>,
        mask: Option<&TubeMask>,
        precision: MixedPrecision,
        device: &Device,
    ) -> Self {
        let plain = device.clone().inner();
        // Clones share their running statistics, and a move to another device changes them in place: without
        // copies, student and teacher would lose theirs to it.
        let (student, teacher) = if apart {
            (student.valid().train(), teacher.map(Model::valid))
        } else {
            (student.clone(), teacher.cloned())
        };
        let teacher = teacher.map(|teacher| teacher.to_device(&plain));
        Self {
            device: device.clone(),
            student: precision.lower(student.fork(device)),
            teacher: teacher.map(|teacher| precision.lower(teacher)),
            mask: mask.map(|mask| mask.on(device)),
        }
    }

    /// Gradients, `scale` times too large, and losses of one batch, still on this device. `number` is
    /// that of the batch in the run.
    pub fn gradients(
        &self,
        batch: Patch,
        number: usize,
        loss: &DiceCe,
        config: &TrainConfig,
        scale: f64,
    ) -> (GradientsParams, JointLoss) {
        // Of what the network itself draws: DropPath.
        self.device.seed(config.seed.wrapping_add(number as u64));
        let masked = self.mask.as_ref().map(|mask| Masked {
            mask,
            guide: self.teacher.as_ref().map_or(Guide::Student, Guide::Teacher),
            settings: &config.medcontext,
        });
        let backward = Backward {
            in_turn: config.views_in_turn,
            scale,
        };
        let x = batch.x.cast(config.mixed_precision.dtype());
        joint_gradients(&self.student, masked, x, &batch.y, loss, backward)
    }
}

/// The terms of a loss on another device.
pub(super) fn to_device(loss: JointLoss, device: &Device) -> JointLoss {
    let plain = device.clone().inner();
    let to = |term: Tensor<1>| term.to_device(&plain);
    JointLoss {
        total: to(loss.total),
        supervised: to(loss.supervised),
        masked: loss.masked.map(to),
        consistency: loss.consistency.map(to),
    }
}
