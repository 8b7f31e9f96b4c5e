//! The joint loss of one training step (Algorithm 1), and its gradients.

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Tensor;

use super::{ConsistencyForm, MedContext, TeacherMode, consistency};
use crate::backbone::Model;
use crate::loss::{MultiScaleLoss, Target, Terms};
use crate::nn::TokenMask;

/// The source of the logits that the masked student's are compared with.
#[derive(Clone, Copy, Debug)]
pub enum ConsistencyTarget<'a> {
    /// Another network, outside autodiff: its forward pass records no graph.
    Teacher(&'a Model),
    /// The student on the clean view, without a gradient.
    Student,
}

/// Everything that the masked view needs.
#[derive(Clone, Copy, Debug)]
pub struct Masked<'a> {
    /// Which tokens are hidden.
    pub mask: &'a TokenMask,
    /// The consistency target.
    pub target: ConsistencyTarget<'a>,
    /// The terms and their weights.
    pub settings: &'a MedContext,
}

/// The loss of one step and its terms, each `[1]` and still on the device.
pub type JointLoss = Terms<Tensor<1>>;

/// `loss(Y, Fs) + loss(Y, FsM) + β · consistency(FsM, Ft)`; without a masked view only the first
/// term.
///
/// `x` is `[batch, channel, d, h, w]` on the student's (autodiff) device. Both supervised terms include every scale
/// that `loss` weights (deep supervision); consistency is computed at the finest.
pub fn joint_loss(
    student: &Model,
    masked: Option<Masked>,
    x: Tensor<5>,
    target: &Target,
    loss: &MultiScaleLoss,
) -> JointLoss {
    match masked {
        None => {
            let (supervised, _) = clean_view(student, x, target, loss);
            JointLoss {
                total: supervised.clone(),
                supervised,
                masked: None,
                consistency: None,
            }
        }
        Some(masked) if !student.mixes_samples() => both_views(student, masked, x, target, loss),
        Some(masked) => {
            let clean = clean_view(student, x.clone(), target, loss);
            masked_view(student, masked, x, clean, target, loss).1
        }
    }
}

/// How gradients are computed.
#[derive(Clone, Copy, Debug)]
pub struct Backward {
    /// One view after the other: the clean view's graph is freed before the masked view's is built, which halves the
    /// memory; the gradients are the same sum.
    pub sequential: bool,
    /// Loss scale: multiplies the loss, and with it the gradients, so that they do not underflow in f16.
    pub scale: f64,
}

impl Default for Backward {
    fn default() -> Self {
        Self {
            sequential: false,
            scale: 1.0,
        }
    }
}

/// The gradients of [`joint_loss`], times the loss scale, and its terms, detached and unscaled.
pub fn joint_gradients(
    student: &Model,
    masked: Option<Masked>,
    x: Tensor<5>,
    target: &Target,
    loss: &MultiScaleLoss,
    backward: Backward,
) -> (GradientsParams, JointLoss) {
    let gradients = |total: &Tensor<1>| {
        let scaled = total.clone() * backward.scale;
        GradientsParams::from_grads(scaled.backward(), student)
    };
    let (true, Some(masked)) = (backward.sequential, masked) else {
        let joint = joint_loss(student, masked, x, target, loss);
        return (gradients(&joint.total), joint.map(Tensor::inner));
    };
    let mut sum = GradientsAccumulator::new();
    let (supervised, logits) = clean_view(student, x.clone(), target, loss);
    sum.accumulate(student, gradients(&supervised));
    // Detached, so that their graph is freed.
    let clean = (
        Tensor::from_inner(supervised.inner()),
        Tensor::from_inner(logits.inner()),
    );
    let (added, joint) = masked_view(student, masked, x, clean, target, loss);
    // Detached: the masked view's graph is freed as soon as its gradients are known.
    let joint = joint.map(Tensor::inner);
    sum.accumulate(student, gradients(&added));
    (sum.grads(), joint)
}

/// Loss on the clean view, and its logits at the finest scale.
fn clean_view(student: &Model, x: Tensor<5>, target: &Target, loss: &MultiScaleLoss) -> (Tensor<1>, Tensor<5>) {
    let mut logits = student.forward_scales(x, None, loss.scales());
    let value = loss.forward(&logits, target);
    (value, logits.swap_remove(0))
}

/// The masked view's contribution to the loss, `[1]`, and all terms; `clean` are the student's logits on the clean view
/// and `supervised` their loss.
fn masked_view(
    student: &Model,
    view: Masked,
    x: Tensor<5>,
    (supervised, clean): (Tensor<1>, Tensor<5>),
    target: &Target,
    loss: &MultiScaleLoss,
) -> (Tensor<1>, JointLoss) {
    let expected = expected(&view, &x, Some(clean));
    let scales = if view.settings.masked_loss { loss.scales() } else { 1 };
    let logits = student.forward_scales(x, Some(view.mask), scales);
    add_masked_terms(logits, expected, supervised, view.settings, target, loss)
}

/// The joint loss of both views as one batch, which is half as many operations, of twice the size, as one after the
/// other. A sample's logits must not depend on the others of its batch.
fn both_views(student: &Model, view: Masked, x: Tensor<5>, target: &Target, loss: &MultiScaleLoss) -> JointLoss {
    let samples = x.dims()[0];
    let mask = view.mask.of_second_half(samples);
    let both = Tensor::cat(vec![x.clone(), x.clone()], 0);
    let both = student.forward_scales(both, Some(&mask), loss.scales());
    let half = |first: usize| -> Vec<Tensor<5>> {
        let scales = both.iter().cloned();
        scales.map(|logits| logits.narrow(0, first, samples)).collect()
    };
    let (clean, masked) = (half(0), half(samples));
    let supervised = loss.forward(&clean, target);
    let expected = expected(&view, &x, clean.into_iter().next());
    add_masked_terms(masked, expected, supervised, view.settings, target, loss).1
}

/// The logits that the masked student's are compared with, if they are; `clean` are the student's on the clean view.
fn expected(view: &Masked, x: &Tensor<5>, clean: Option<Tensor<5>>) -> Option<Tensor<5>> {
    match (view.settings.consistency, view.target) {
        (ConsistencyForm::Off, _) => None,
        (_, ConsistencyTarget::Teacher(teacher)) => Some(match view.settings.teacher_mode {
            TeacherMode::Eval => Tensor::from_inner(teacher.forward(x.clone().inner(), None)),
            TeacherMode::Train => teacher.clone().train().no_grad().forward(x.clone(), None),
        }),
        (_, ConsistencyTarget::Student) => clean,
    }
}

/// What the masked view's logits, at each scale, add to the loss, `[1]`, and all terms.
fn add_masked_terms(
    mut logits: Vec<Tensor<5>>,
    expected: Option<Tensor<5>>,
    supervised: Tensor<1>,
    settings: &MedContext,
    target: &Target,
    loss: &MultiScaleLoss,
) -> (Tensor<1>, JointLoss) {
    let masked = settings.masked_loss.then(|| loss.forward(&logits, target));
    let logits = logits.swap_remove(0);
    let device = logits.device();
    let distance = expected.and_then(|expected| consistency(logits, expected, settings.consistency));
    let weighed = distance.clone().map(|distance| distance * settings.beta);
    let terms = [masked.clone(), weighed].into_iter().flatten();
    let added = terms
        .reduce(|sum, term| sum + term)
        .unwrap_or_else(|| Tensor::zeros([1], &device));
    let joint = JointLoss {
        total: supervised.clone() + added.clone(),
        supervised,
        masked,
        consistency: distance,
    };
    (added, joint)
}
