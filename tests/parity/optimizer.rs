//! SGD and clipping against numbers worked out by hand, AdamW against its formula; AdamW within whole
//! training steps is compared with PyTorch in `medcontext_step.rs`.
//!
//! Tolerance 1e-6 absolute on parameters near 1.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use medcontext_core::backbone::{Model, Network, UnetrConfig};
use medcontext_core::train::{Optimizer, OptimizerKind};
use medcontext_tests::{assert_within, parameters};

struct Ones;

impl ModuleMapper for Ones {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|value| Tensor::from_inner(value.inner().ones_like()).require_grad())
    }
}

/// A small network whose parameters are all 1.
fn ones() -> Model {
    let network = Network::Unetr(UnetrConfig {
        hidden: 8,
        mlp: 8,
        heads: 2,
        layers: 12,
        feature: 1,
        ..UnetrConfig::default()
    });
    let device = Device::flex().autodiff();
    network.build(1, 2, [16; 3], 0, &device).map(&mut Ones)
}

/// The same gradient for every value of every parameter.
struct Same<'a> {
    gradient: f64,
    gradients: &'a mut GradientsParams,
}

impl ModuleVisitor for Same<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().inner().ones_like() * self.gradient;
        self.gradients.register(param.id, gradient);
    }
}

fn gradients(model: &Model, gradient: f64) -> GradientsParams {
    let mut gradients = GradientsParams::new();
    model.visit(&mut Same {
        gradient,
        gradients: &mut gradients,
    });
    gradients
}

fn assert_all(what: &str, model: &Model, expected: f64) {
    let found: HashMap<String, Vec<f32>> = parameters(&model.valid());
    for (name, values) in found {
        let expected = vec![expected as f32; values.len()];
        assert_within(&format!("{what}: {name}"), &values, &expected, 1e-6);
    }
}

#[test]
fn sgd_with_nesterov_momentum_and_weight_decay_by_hand() {
    let kind = OptimizerKind::Sgd {
        momentum: 0.9,
        nesterov: true,
    };
    let mut optimizer = Optimizer::new(kind, 0.1, None);
    // g = 0.5 + 0.1 · 1 = 0.6, v = 0.6, step 0.6 + 0.9 · 0.6 = 1.14.
    let model = ones();
    let found = gradients(&model, 0.5);
    let model = optimizer.step(0.1, model, found, 1);
    assert_all("first", &model, 0.886);
    // g = 0.5 + 0.0886 = 0.5886, v = 0.54 + 0.5886 = 1.1286, step 0.5886 + 1.01574 = 1.60434.
    let found = gradients(&model, 0.5);
    let model = optimizer.step(0.1, model, found, 1);
    assert_all("second", &model, 0.886 - 0.160_434);
}

#[test]
fn sgd_without_nesterov_follows_its_velocity() {
    let kind = OptimizerKind::Sgd {
        momentum: 0.5,
        nesterov: false,
    };
    let mut optimizer = Optimizer::new(kind, 0.0, None);
    let mut model = ones();
    for expected in [0.9, 0.75, 0.575] {
        let found = gradients(&model, 1.0);
        model = optimizer.step(0.1, model, found, 1);
        assert_all("velocity", &model, expected);
    }
}

#[test]
fn adamw_moves_by_its_rate_at_first_whatever_the_gradient() {
    for gradient in [1e-3, 1.0, 100.0] {
        let mut optimizer = Optimizer::new(OptimizerKind::Adamw, 0.1, None);
        let model = ones();
        let found = gradients(&model, gradient);
        // The corrected moments are g and g², so the step is 1; decay takes 0.1 of the parameter.
        let expected = 1.0 - 0.01 * (gradient / (gradient + 1e-8) + 0.1);
        assert_all("adamw", &optimizer.step(0.01, model, found, 1), expected);
    }
}

#[test]
fn gradients_are_clipped_by_their_norm_together() {
    let kind = OptimizerKind::Sgd {
        momentum: 0.0,
        nesterov: false,
    };
    let model = ones();
    let count = model.parameters() as f64;
    // Every gradient is 2, all together 2 √count; of two batches the mean is taken first.
    for (norm, batches, expected) in [
        (1.0, 1, 1.0 / count.sqrt()),
        (1e9, 1, 2.0),
        (1e9, 2, 1.0),
        (0.5, 2, 0.5 / count.sqrt()),
    ] {
        let mut optimizer = Optimizer::new(kind, 0.0, Some(norm));
        let found = gradients(&model, 2.0);
        let moved = optimizer.step(0.1, model.clone(), found, batches);
        assert_all("clipped", &moved, 1.0 - 0.1 * expected);
    }
}
