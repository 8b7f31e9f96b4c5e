//! The joint loss of one training step (Algorithm 1), and its gradients.

use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Tensor;

use super::{ConsistencyForm, MedContext, consistency};
use crate::backbone::Model;
use crate::nn::TokenMask;
use crate::train::{DiceCe, Target};

/// Who says what the masked student should say.
#[derive(Clone, Copy, Debug)]
pub enum Guide<'a> {
    /// Another network, outside autodiff: its pass builds no graph.
    Teacher(&'a Model),
    /// The student on the clean view, without a gradient.
    Student,
}

/// What the masked view needs.
#[derive(Clone, Copy, Debug)]
pub struct Masked<'a> {
    /// Which tokens are hidden.
    pub mask: &'a TokenMask,
    /// Who the student is compared with.
    pub guide: Guide<'a>,
    /// The terms and their weights.
    pub settings: &'a MedContext,
}

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

/// `DiceCE(Y, Fs) + DiceCE(Y, FsM) + β · consistency(FsM, Ft)`; without a masked view only the first
/// term.
///
/// `x` is `[batch, channel, d, h, w]` on the student's (autodiff) device. Both supervised terms count
/// every scale that `loss` weighs; consistency is taken at the finest.
pub fn joint_loss(
    student: &Model,
    masked: Option<Masked>,
    x: Tensor<5>,
    target: &Target,
    loss: &DiceCe,
) -> JointLoss {
    let (supervised, logits) = clean_view(student, x.clone(), target, loss);
    let Some(masked) = masked else {
        return JointLoss {
            total: supervised.clone(),
            supervised,
            masked: None,
            consistency: None,
        };
    };
    masked_view(student, masked, x, logits, target, loss).with(supervised)
}

/// How gradients are computed.
#[derive(Clone, Copy, Debug)]
pub struct Backward {
    /// One view after the other: the clean view's graph is gone before the masked view's is built, which halves
    /// the memory; the gradients are the same sum.
    pub in_turn: bool,
    /// What the loss is multiplied by, and with it the gradients, so that they do not vanish in f16.
    pub scale: f64,
}

impl Default for Backward {
    fn default() -> Self {
        Self {
            in_turn: false,
            scale: 1.0,
        }
    }
}

/// The gradients of [`joint_loss`], times the scale, and its terms, detached and without it.
pub fn joint_gradients(
    student: &Model,
    masked: Option<Masked>,
    x: Tensor<5>,
    target: &Target,
    loss: &DiceCe,
    backward: Backward,
) -> (GradientsParams, JointLoss) {
    let gradients = |total: &Tensor<1>| {
        let scaled = total.clone() * backward.scale;
        GradientsParams::from_grads(scaled.backward(), student)
    };
    let (true, Some(masked)) = (backward.in_turn, masked) else {
        let joint = joint_loss(student, masked, x, target, loss);
        return (gradients(&joint.total), joint.inner());
    };
    let mut sum = GradientsAccumulator::new();
    let (supervised, logits) = clean_view(student, x.clone(), target, loss);
    sum.accumulate(student, gradients(&supervised));
    // Cut from their graph, so that it can go.
    let (supervised, logits) = (
        Tensor::from_inner(supervised.inner()),
        Tensor::from_inner(logits.inner()),
    );
    let view = masked_view(student, masked, x, logits, target, loss);
    sum.accumulate(student, gradients(&view.total));
    (sum.grads(), view.with(supervised).inner())
}

/// Loss on the clean view, and its logits at the finest scale.
fn clean_view(
    student: &Model,
    x: Tensor<5>,
    target: &Target,
    loss: &DiceCe,
) -> (Tensor<1>, Tensor<5>) {
    let mut logits = student.forward_scales(x, None, loss.scale_weights.len());
    let value = loss.forward_scales(&logits, target);
    (value, logits.swap_remove(0))
}

/// What the masked view adds.
struct MaskedTerms {
    /// `[1]`: both terms, weighed.
    total: Tensor<1>,
    masked: Option<Tensor<1>>,
    consistency: Option<Tensor<1>>,
}

impl MaskedTerms {
    fn with(self, supervised: Tensor<1>) -> JointLoss {
        JointLoss {
            total: supervised.clone() + self.total,
            supervised,
            masked: self.masked,
            consistency: self.consistency,
        }
    }
}

/// The masked view's terms; `clean` are the student's logits on the clean view.
fn masked_view(
    student: &Model,
    view: Masked,
    x: Tensor<5>,
    clean: Tensor<5>,
    target: &Target,
    loss: &DiceCe,
) -> MaskedTerms {
    let settings = view.settings;
    let guide = match (settings.consistency, view.guide) {
        (ConsistencyForm::Off, _) => None,
        (_, Guide::Teacher(teacher)) => {
            Some(Tensor::from_inner(teacher.forward(x.clone().inner(), None)))
        }
        (_, Guide::Student) => Some(clean),
    };
    let scales = if settings.masked_loss {
        loss.scale_weights.len()
    } else {
        1
    };
    let mut logits = student.forward_scales(x, Some(view.mask), scales);
    let masked = settings
        .masked_loss
        .then(|| loss.forward_scales(&logits, target));
    let logits = logits.swap_remove(0);
    let nothing = Tensor::zeros([1], &logits.device());
    let distance = guide.and_then(|guide| consistency(logits, guide, settings.consistency));
    let weighed = distance.clone().map(|distance| distance * settings.beta);
    let terms = [masked.clone(), weighed].into_iter().flatten();
    MaskedTerms {
        total: terms.reduce(|sum, term| sum + term).unwrap_or(nothing),
        masked,
        consistency: distance,
    }
}

impl JointLoss {
    /// The same numbers outside autodiff, so that no graph is kept for them.
    fn inner(self) -> Self {
        Self {
            total: self.total.inner(),
            supervised: self.supervised.inner(),
            masked: self.masked.map(Tensor::inner),
            consistency: self.consistency.map(Tensor::inner),
        }
    }
}
