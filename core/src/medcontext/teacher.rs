//! The EMA teacher: an exponential moving average of the student's parameters.

use std::collections::VecDeque;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::container::TensorContainer;
use burn::tensor::{Shape, Tensor};

use super::{MedContext, MomentumSchedule};
use crate::backbone::Model;
use crate::nn::kernel::averages;

impl MedContext {
    /// Momentum of the update after `step` (from 0) of `steps`, in epochs of `epoch` steps; `None` where the teacher is
    /// not updated.
    pub fn momentum_at(&self, step: usize, steps: usize, epoch: usize) -> Option<f64> {
        let epoch = epoch.max(1);
        let index = step % epoch;
        let start = self.start_momentum(steps);
        match self.schedule {
            MomentumSchedule::Cosine => Some(momentum(start, self.momentum_end, step, steps)),
            MomentumSchedule::ReleasedUnetr => {
                (index + 1 == epoch).then(|| released_momentum(start, index, 50 * epoch))
            }
            MomentumSchedule::ReleasedNnformer => Some(released_momentum(start, index, 20 * epoch)),
        }
    }
}

/// Momentum of step `step` of `steps`: a cosine from `start` to `end` (section 3.6).
pub fn momentum(start: f64, end: f64, step: usize, steps: usize) -> f64 {
    let progress = step as f64 / steps.max(1) as f64;
    end + 0.5 * (start - end) * (1.0 + (std::f64::consts::PI * progress).cos())
}

/// The released schedule within its warmup: from 0 to `full` in `warmup` entries, both ends included.
pub fn released_momentum(full: f64, index: usize, warmup: usize) -> f64 {
    full * index as f64 / warmup.saturating_sub(1).max(1) as f64
}

/// `teacher ← m · teacher + (1 − m) · student`, parameter by parameter (equation 6).
///
/// The teacher is a clone of the student outside autodiff, so a parameter has the same id in both. Running statistics
/// are averaged like parameters.
pub fn update_teacher(teacher: Model, student: &Model, momentum: f64) -> Model {
    let mut collected = Collect(TensorContainer::new());
    student.valid().visit(&mut collected);
    let mut taken = Take {
        student: collected.0,
        ids: Vec::new(),
        pairs: Vec::new(),
    };
    let teacher = teacher.map(&mut taken);
    let averages = averages(taken.pairs, momentum);
    teacher.map(&mut Put(taken.ids.into_iter().zip(averages).collect()))
}

struct Collect(TensorContainer<ParamId>);

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.register(param.id, param.val());
    }
}

/// Takes the teacher's values out, so that nobody else holds them and they can be changed in place.
struct Take {
    student: TensorContainer<ParamId>,
    ids: Vec<(ParamId, Shape)>,
    /// Values of teacher and student, flattened.
    pairs: Vec<[Tensor<1>; 2]>,
}

impl ModuleMapper for Take {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(student) = self.student.remove::<Tensor<D>>(&param.id) else {
            return param;
        };
        let count = student.shape().num_elements();
        self.ids.push((param.id, student.shape()));
        param.map(|value| {
            let nothing = Tensor::empty([1; D], &value.device());
            self.pairs.push([value.reshape([count]), student.reshape([count])]);
            nothing
        })
    }
}

/// Puts the averages in their places.
struct Put(VecDeque<((ParamId, Shape), Tensor<1>)>);

impl ModuleMapper for Put {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.0.pop_front_if(|((id, _), _)| *id == param.id) {
            Some(((_, shape), average)) => param.map(|_| average.reshape(shape)),
            None => param,
        }
    }
}
