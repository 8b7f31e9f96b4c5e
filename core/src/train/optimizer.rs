//! AdamW and SGD with accessible state: it is read from the device without blocking, and saved under the parameters'
//! names.

use std::collections::{HashMap, VecDeque};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Shape, Tensor, TensorData};
use serde::{Deserialize, Serialize};

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
    /// AdamW's first and second moments, one after the other, or SGD's velocity, for every parameter that had a
    /// gradient. Flat.
    moments: HashMap<ParamId, Tensor<1>>,
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
            moments: HashMap::new(),
        }
    }

    /// Updates every parameter that has a gradient, with learning rate `rate`. `gradients` are sums over `batches` and
    /// are averaged.
    pub fn step<M: Module>(&mut self, rate: f64, model: M, gradients: GradientsParams, batches: usize) -> M {
        let norm = self.clips().then(|| norm_of(&model, &gradients)).flatten();
        let mut model = model;
        self.step_with_norm(rate, &mut model, gradients, batches, norm);
        model
    }

    /// Whether a step needs the total norm of the gradients.
    pub(super) fn clips(&self) -> bool {
        self.clip_norm.is_some()
    }

    /// The same with the gradients' norm given, which clipping needs. Values that `model` alone holds are changed in
    /// place.
    pub(super) fn step_with_norm<M: Module>(
        &mut self,
        rate: f64,
        model: &mut M,
        gradients: GradientsParams,
        batches: usize,
        norm: Option<Tensor<1>>,
    ) {
        self.steps += 1;
        let largest = self.clip_norm.map(|largest| largest * batches as f64);
        let factor = largest.zip(norm);
        let factor = factor.map(|(largest, norm)| clipping(norm, largest));
        let mut taken = Take {
            batches: batches as f64,
            factor,
            gradients,
            places: VecDeque::new(),
            steps: Vec::new(),
        };
        // The model has to let go of the values that are taken out of its copy.
        *model = model.clone().map(&mut taken);
        let moved = self.moved(taken.steps, rate);
        let places = taken.places.into_iter().zip(moved).collect();
        *model = model.clone().map(&mut Put(places));
    }

    /// Number of state tensors per parameter.
    pub(super) fn moments(&self) -> usize {
        self.kind.moments()
    }

    /// Steps done.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The state in the shape of the network that it belongs to, outside autodiff; zero where a
    /// parameter has had no gradient yet.
    pub fn state<M: Module>(&self, model: &M) -> Vec<M> {
        let exchange = |index| Exchange(&self.moments, index);
        (0..self.moments())
            .map(|index| model.valid().map(&mut exchange(index)))
            .collect()
    }

    /// Restores a state from [`state`](Self::state) after `steps` steps, for the same model.
    pub fn restore<M: Module>(&mut self, steps: usize, state: &[M]) {
        self.steps = steps;
        let mut collected = Collect(HashMap::new());
        for model in state {
            model.visit(&mut collected);
        }
        let together = |(id, moments)| (id, Tensor::cat(moments, 0));
        self.moments = collected.0.into_iter().map(together).collect();
    }

    /// Parameters after a step.
    fn moved(&mut self, steps: Vec<Step>, rate: f64) -> Vec<Tensor<1>> {
        match self.kind {
            OptimizerKind::Adamw => self.adamw(steps, rate),
            OptimizerKind::Sgd { momentum, nesterov } => steps
                .into_iter()
                .map(|step| self.descend(step, rate, momentum, nesterov))
                .collect(),
        }
    }

    fn adamw(&mut self, steps: Vec<Step>, rate: f64) -> Vec<Tensor<1>> {
        let numbers = AdamW {
            rate: rate as f32,
            decay: self.weight_decay as f32,
            kept: BETAS.map(|beta| beta as f32),
            added: BETAS.map(|beta| (1.0 - beta) as f32),
            corrections: BETAS.map(|beta| (1.0 - beta.powf(self.steps as f64)) as f32),
            epsilon: EPSILON as f32,
        };
        let ids: Vec<ParamId> = steps.iter().map(|step| step.id).collect();
        let with_moments = |Step { id, value, gradient }| {
            let old = self.moments.remove(&id);
            // Copied to a GPU: its zeros would be another kernel for each size.
            let zeros = || TensorData::zeros::<f32, _>([2 * value.dims()[0]]);
            let moments = old.unwrap_or_else(|| Tensor::from_data(zeros(), &value.device()));
            [value, gradient, moments]
        };
        let parameters = steps.into_iter().map(with_moments).collect();
        let moved = adamw(parameters, numbers).into_iter().zip(ids);
        moved
            .map(|([value, moments], id)| {
                self.moments.insert(id, moments);
                value
            })
            .collect()
    }

    fn descend(&mut self, step: Step, rate: f64, momentum: f64, nesterov: bool) -> Tensor<1> {
        let Step { id, value, gradient } = step;
        let gradient = gradient + value.clone() * self.weight_decay;
        let velocity = match self.moments.remove(&id) {
            Some(old) => old * momentum + gradient.clone(),
            None => gradient.clone(),
        };
        self.moments.insert(id, velocity.clone());
        let along = if nesterov {
            velocity * momentum + gradient
        } else {
            velocity
        };
        value - along * rate
    }
}

/// A parameter and its gradient, flat.
struct Step {
    id: ParamId,
    value: Tensor<1>,
    gradient: Tensor<1>,
}

/// Takes the values out of parameters that have a gradient, so that nobody else holds them and they can be changed in
/// place.
struct Take {
    batches: f64,
    /// `[1]`, multiplied with every gradient.
    factor: Option<Tensor<1>>,
    gradients: GradientsParams,
    /// The shape of each value that was taken, and whether it learns.
    places: VecDeque<(ParamId, Shape, bool)>,
    steps: Vec<Step>,
}

impl ModuleMapper for Take {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let id = param.id;
        let Some(gradient) = self.gradients.remove::<D>(id) else {
            return param;
        };
        let shape = gradient.shape();
        let count = shape.num_elements();
        let mut gradient = gradient.reshape([count]);
        if self.batches > 1.0 {
            gradient = gradient / self.batches;
        }
        if let Some(factor) = &self.factor {
            gradient = gradient * factor.clone();
        }
        param.map(|old| {
            self.places.push_back((id, shape, old.is_require_grad()));
            let nothing = Tensor::empty([1; D], &old.device());
            let value = old.inner().reshape([count]);
            self.steps.push(Step { id, value, gradient });
            nothing
        })
    }
}

/// Puts values in their places.
struct Put(VecDeque<((ParamId, Shape, bool), Tensor<1>)>);

impl ModuleMapper for Put {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.0.pop_front_if(|((id, ..), _)| *id == param.id) {
            Some(((_, shape, learns), value)) => {
                param.map(|_| Tensor::from_inner(value.reshape(shape)).set_require_grad(learns))
            }
            None => param,
        }
    }
}

/// `min(1, largest / (‖g‖ + 1e-6))`, `[1]`.
fn clipping(norm: Tensor<1>, largest: f64) -> Tensor<1> {
    ((norm + 1e-6).recip() * largest).clamp_max(1.0)
}

/// The norm of all gradients together, `[1]`; `None` if there are none.
pub(super) fn norm_of<M: Module>(model: &M, gradients: &GradientsParams) -> Option<Tensor<1>> {
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

/// Replaces parameters by one of their moments.
struct Exchange<'a>(&'a HashMap<ParamId, Tensor<1>>, usize);

impl ModuleMapper for Exchange<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let moments = self.0.get(&param.id).cloned();
        param.map(|value| {
            let (shape, count) = (value.shape(), value.shape().num_elements());
            match moments {
                Some(moments) => moments.narrow(0, self.1 * count, count).reshape(shape),
                None => value.zeros_like(),
            }
        })
    }
}

/// Reads moments from models' parameters, flat.
struct Collect(HashMap<ParamId, Vec<Tensor<1>>>);

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let moment = param.val();
        let count = moment.shape().num_elements();
        self.0.entry(param.id).or_default().push(moment.reshape([count]));
    }
}
