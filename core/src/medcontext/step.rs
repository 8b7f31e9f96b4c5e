//! The joint loss of one training step (Algorithm 1).

use burn::tensor::Tensor;

use super::{MedContext, TokenMask, consistency};
use crate::backbone::Model;
use crate::train::{DiceCe, Target};

/// The loss of one step and its terms, each `[1]` and still on the device.
#[derive(Clone, Debug)]
pub struct JointLoss {
    /// What is minimised.
    pub total: Tensor<1>,
    /// DiceCE on the clean view.
    pub supervised: Tensor<1>,
    /// DiceCE on the masked view.
    pub masked: Option<Tensor<1>>,
    /// Consistency with the teacher, before β.
    pub consistency: Option<Tensor<1>>,
}

/// `DiceCE(Y, Fs) + DiceCE(Y, FsM) + β · consistency(FsM, Ft)`; without a mask and a teacher only
/// the first term.
///
/// `x` is `[batch, channel, d, h, w]` on the student's (autodiff) device. The teacher's parameters
/// live outside autodiff, so its pass builds no graph. Both supervised terms count every scale that
/// `loss` weighs; consistency is taken at the finest.
pub fn joint_loss(
    student: &Model,
    masked: Option<(&Model, &TokenMask)>,
    x: Tensor<5>,
    target: &Target,
    loss: &DiceCe,
    settings: &MedContext,
) -> JointLoss {
    let scales = loss.scale_weights.len();
    let supervised = loss.forward_scales(&student.forward_scales(x.clone(), None, scales), target);
    let Some((teacher, mask)) = masked else {
        return JointLoss {
            total: supervised.clone(),
            supervised,
            masked: None,
            consistency: None,
        };
    };
    let guide = Tensor::from_inner(teacher.forward(x.clone().inner(), None));
    let mut logits = student.forward_scales(x, Some(mask), scales);
    let masked = loss.forward_scales(&logits, target);
    let distance = consistency(logits.swap_remove(0), guide, settings.consistency);
    JointLoss {
        total: supervised.clone() + masked.clone() + distance.clone() * settings.beta,
        supervised,
        masked: Some(masked),
        consistency: Some(distance),
    }
}
