//! The teacher: an exponential moving average of the student's parameters.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;
use burn::tensor::container::TensorContainer;

use crate::backbone::Model;

/// Momentum of step `step` of `steps`: a cosine from `start` to 1 (section 3.2).
pub fn momentum(start: f64, step: usize, steps: usize) -> f64 {
    let progress = step as f64 / steps.max(1) as f64;
    1.0 + 0.5 * (start - 1.0) * (1.0 + (std::f64::consts::PI * progress).cos())
}

/// `teacher ← m · teacher + (1 − m) · student`, parameter by parameter (equation 6).
///
/// The teacher is a clone of the student outside autodiff, so both know a parameter by one id.
/// Running statistics are averaged like parameters.
pub fn update_teacher(teacher: Model, student: &Model, momentum: f64) -> Model {
    let mut collected = Collect(TensorContainer::new());
    student.valid().visit(&mut collected);
    teacher.map(&mut Average {
        student: collected.0,
        momentum,
    })
}

struct Collect(TensorContainer<ParamId>);

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.register(param.id, param.val());
    }
}

struct Average {
    student: TensorContainer<ParamId>,
    momentum: f64,
}

impl ModuleMapper for Average {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.student.remove::<Tensor<D>>(&param.id) {
            Some(student) => {
                let momentum = self.momentum;
                param.map(|value| value * momentum + student * (1.0 - momentum))
            }
            None => param,
        }
    }
}
