//! AdamW and SGD with accessible state: it is read from the device without blocking, and saved under the parameters'
//! names.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::container::TensorContainer;
use serde::{Deserialize, Serialize};

use crate::backbone::Model;
use crate::nn::kernel::{AdamW, adamw};
use crate::nn::sum;

/// AdamW's β and ε: PyTorch's defaults.
const BETAS: [f64; 2] = [0.9, 0.999];
const EPSILON: f64 = 1e-8;

/// Which optimizer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OptimizerKind {
    /// Loshchilov and Hutter (arXiv 1711.05101), as PyTorch's `AdamW`.
    #[default]
    Adamw,
    /// Gradient descent with momentum and weight decay added to the gradient, as PyTorch's `SGD`.
    Sgd {
        /// Momentum: the fraction of the velocity that is kept, 0 to 1; 0.99 for nnFormer.
        momentum: f64,
        /// Nesterov momentum: the step looks ahead along the velocity.
        nesterov: bool,
    },
}

impl OptimizerKind {
    /// Number of state tensors per parameter.
    fn moments(self) -> usize {
        match self {
            Self::Adamw => 2,
            Self::Sgd { .. } => 1,
        }
    }
}

/// An optimizer with its state.
#[derive(Debug)]
pub struct Optimizer {
    kind: OptimizerKind,
    weight_decay: f64,
    clip_norm: Option<f64>,
    steps: usize,
    /// AdamW's first and second moments, or SGD's velocity, for every parameter that had a gradient.
    moments: Vec<TensorContainer<ParamId>>,
}

impl Optimizer {
    /// An optimizer without state. With `clip_norm`, gradients are scaled so that their total norm does not exceed it
    /// (gradient clipping), as PyTorch's `clip_grad_norm_`.
    pub fn new(kind: OptimizerKind, weight_decay: f64, clip_norm: Option<f64>) -> Self {
        Self {
            kind,
            weight_decay,
            clip_norm,
            steps: 0,
            moments: (0..kind.moments()).map(|_| TensorContainer::new()).collect(),
        }
    }

    /// Updates every parameter that has a gradient, with learning rate `rate`. `gradients` are sums over `batches` and
    /// are averaged.
    pub fn step(&mut self, rate: f64, model: Model, gradients: GradientsParams, batches: usize) -> Model {
        let norm = self.clips().then(|| norm_of(&model, &gradients)).flatten();
        self.step_with_norm(rate, model, gradients, batches, norm)
    }

    /// Whether a step needs the total norm of the gradients.
    pub(super) fn clips(&self) -> bool {
        self.clip_norm.is_some()
    }

    /// The same with the gradients' norm given, which clipping needs.
    pub(super) fn step_with_norm(
        &mut self,
        rate: f64,
        model: Model,
        gradients: GradientsParams,
        batches: usize,
        norm: Option<Tensor<1>>,
    ) -> Model {
        self.steps += 1;
        let largest = self.clip_norm.map(|largest| largest * batches as f64);
        let factor = largest.zip(norm);
        let factor = factor.map(|(largest, norm)| clipping(norm, largest));
        model.map(&mut Step {
            rate,
            batches: batches as f64,
            factor,
            gradients,
            optimizer: self,
        })
    }

    /// Number of state tensors per parameter.
    pub(super) fn moments(&self) -> usize {
        self.moments.len()
    }

    /// Steps done.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The state in the shape of the network that it belongs to, outside autodiff; zero where a
    /// parameter has had no gradient yet.
    pub fn state(&self, model: &Model) -> Vec<Model> {
        let moments = self.moments.iter();
        moments.map(|moment| model.valid().map(&mut Exchange(moment))).collect()
    }

    /// Restores a state from [`state`](Self::state) after `steps` steps, for the same model.
    pub fn restore(&mut self, steps: usize, state: &[Model]) {
        self.steps = steps;
        for (moment, model) in self.moments.iter_mut().zip(state) {
            *moment = TensorContainer::new();
            model.visit(&mut Collect(moment));
        }
    }

    /// A parameter after a step.
    fn moved<const D: usize>(&mut self, id: ParamId, value: Tensor<D>, gradient: Tensor<D>, rate: f64) -> Tensor<D> {
        let decay = self.weight_decay;
        match self.kind {
            OptimizerKind::Adamw => {
                let numbers = AdamW {
                    rate: rate as f32,
                    decay: decay as f32,
                    kept: BETAS.map(|beta| beta as f32),
                    added: BETAS.map(|beta| (1.0 - beta) as f32),
                    corrections: BETAS.map(|beta| (1.0 - beta.powf(self.steps as f64)) as f32),
                    epsilon: EPSILON as f32,
                };
                let old = [0, 1].map(|moment| self.moments[moment].remove::<Tensor<D>>(&id));
                let old = old.map(|moment| moment.unwrap_or_else(|| value.zeros_like()));
                let (value, moments) = adamw(value, gradient, old, numbers);
                for (kept, moment) in self.moments.iter_mut().zip(moments) {
                    kept.register(id, moment);
                }
                value
            }
            OptimizerKind::Sgd { momentum, nesterov } => {
                let gradient = gradient + value.clone() * decay;
                let velocity = match self.moments[0].remove::<Tensor<D>>(&id) {
                    Some(old) => old * momentum + gradient.clone(),
                    None => gradient.clone(),
                };
                self.moments[0].register(id, velocity.clone());
                let along = if nesterov {
                    velocity * momentum + gradient
                } else {
                    velocity
                };
                value - along * rate
            }
        }
    }
}

struct Step<'a> {
    rate: f64,
    batches: f64,
    /// `[1]`, multiplied with every gradient.
    factor: Option<Tensor<1>>,
    gradients: GradientsParams,
    optimizer: &'a mut Optimizer,
}

impl ModuleMapper for Step<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let id = param.id;
        let Some(mut gradient) = self.gradients.remove::<D>(id) else {
            return param;
        };
        if self.batches > 1.0 {
            gradient = gradient / self.batches;
        }
        if let Some(factor) = &self.factor {
            gradient = gradient * factor.clone().reshape([1; D]);
        }
        param.map(|old| {
            let learns = old.is_require_grad();
            let value = self.optimizer.moved(id, old.inner(), gradient, self.rate);
            Tensor::from_inner(value).set_require_grad(learns)
        })
    }
}

/// `min(1, largest / (‖g‖ + 1e-6))`, `[1]`.
fn clipping(norm: Tensor<1>, largest: f64) -> Tensor<1> {
    ((norm + 1e-6).recip() * largest).clamp_max(1.0)
}

/// The norm of all gradients together, `[1]`; `None` if there are none.
pub(super) fn norm_of(model: &Model, gradients: &GradientsParams) -> Option<Tensor<1>> {
    #[cfg(test)]
    NORMS.set(NORMS.get() + 1);
    let mut squares = Squares {
        gradients,
        found: Vec::new(),
    };
    model.visit(&mut squares);
    (!squares.found.is_empty()).then(|| Tensor::cat(squares.found, 0).sum().sqrt())
}

#[cfg(test)]
thread_local! {
    /// Number of norms computed: each reads all of the network's values twice.
    pub(super) static NORMS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

struct Squares<'a> {
    gradients: &'a GradientsParams,
    found: Vec<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = self.gradients.get::<D>(param.id);
        self.found.extend(gradient.map(|gradient| sum(gradient.powi_scalar(2))));
    }
}

/// Replaces parameters by moments.
struct Exchange<'a>(&'a TensorContainer<ParamId>);

impl ModuleMapper for Exchange<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let moment = self.0.get::<Tensor<D>>(&param.id);
        param.map(|value| moment.unwrap_or_else(|| value.zeros_like()))
    }
}

/// Reads moments from a model's parameters.
struct Collect<'a>(&'a mut TensorContainer<ParamId>);

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.register(param.id, param.val());
    }
}
