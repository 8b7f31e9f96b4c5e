//! The self-supervised loss: the masked student should predict what the teacher predicts.

use burn::tensor::{FloatDType, Tensor};
use serde::{Deserialize, Serialize};

use crate::nn::kernel::relative_distance;
use crate::nn::{mean, sum};

/// Prevents division by zero if all of the teacher's logits are 0.
const EPSILON: f64 = 1e-8;

/// The published forms of the loss, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsistencyForm {
    /// ‖Fm − Ft‖² / ‖Ft‖² over the whole batch (equation 2).
    #[default]
    Paper,
    /// mean((Fm − Ft)²) / ‖Ft‖, as in the released code: about a thousand times weaker.
    Released,
    /// The same of a batch's first sample alone, as the released nnFormer trainers for ACDC and tumors, which take the
    /// first of their outputs for the finest scale and have no other.
    ReleasedFirst,
    /// No consistency loss.
    Off,
}

/// Distance between the logits of the masked student and of the teacher, `[1]`.
///
/// Both are `[batch, class, d, h, w]` and are compared in f32; no gradient flows to the teacher. `None` where the form
/// is off.
pub fn consistency(student: Tensor<5>, teacher: Tensor<5>, form: ConsistencyForm) -> Option<Tensor<1>> {
    let (student, teacher) = (student.cast(FloatDType::F32), teacher.detach().cast(FloatDType::F32));
    let (student, teacher) = match form {
        ConsistencyForm::ReleasedFirst => (student.narrow(0, 0, 1), teacher.narrow(0, 0, 1)),
        _ => (student, teacher),
    };
    match form {
        ConsistencyForm::Paper => Some(relative_distance(student, teacher, EPSILON)),
        ConsistencyForm::Released | ConsistencyForm::ReleasedFirst => {
            let difference = (student - teacher.clone()).powi_scalar(2);
            Some(mean(difference) / (sum(teacher.powi_scalar(2)).sqrt() + EPSILON))
        }
        ConsistencyForm::Off => None,
    }
}
