//! nnFormer against the released networks: three scales, masked view, loss and gradients, and one whole joint step.
//!
//! Tolerances: 5e-5 (CPU) and 1e-3 (GPU) absolute; gradients 1e-4 relative L2 on the CPU and 2e-3 on
//! a GPU, where the stem's first convolution sums a whole volume one by one.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};
use medcontext_core::backbone::{Model, Network, NnformerConfig, NnformerForm, PositionIndex, Size};
use medcontext_core::loss::{DiceCe, Loss, MultiScaleLoss, Target};
use medcontext_core::medcontext::{
    Backward, ConsistencyTarget, Masked, MedContext, TubeMask, joint_gradients, update_teacher,
};
use medcontext_core::train::{Optimizer, OptimizerKind};
use medcontext_tests::{
    Fixture, TestDevice, assert_gradients, assert_plane_sums, assert_within, collected_gradients,
    devices_for_large_networks, gradients, load_reference, parameters, procedural, strided, values,
};

struct Reference {
    name: &'static str,
    form: NnformerForm,
    /// Key of the input; the mask's and the labels' keys follow it.
    key: u64,
    channels: usize,
    classes: usize,
    patch: [usize; 3],
    /// Stride of the stored outputs.
    stride: [usize; 3],
}

impl Reference {
    fn network(&self) -> Network {
        Network::Nnformer(NnformerConfig {
            embedding: 12,
            index: PositionIndex::Released,
            drop_path: 0.0,
            deep_supervision: true,
            ..NnformerConfig::new(self.form, Size::Tiny)
        })
    }

    fn input(&self, device: &Device) -> Tensor<5> {
        let [d, h, w] = self.patch;
        let x = procedural(self.key, 0.0, 1.0, self.channels * d * h * w);
        Tensor::from_data(TensorData::new(x, [1, self.channels, d, h, w]), device)
    }

    fn labels(&self, fixture: &Fixture) -> Vec<u8> {
        if fixture.names().iter().any(|name| name == "y") {
            return fixture.bytes("y");
        }
        let units = procedural(self.key + 2000, 0.0, 1.0, self.patch.iter().product());
        let class = |u: f32| ((u + 1.0) / 2.0 * self.classes as f32).floor() as u8;
        units.into_iter().map(class).collect()
    }

    fn mask(&self, fixture: &Fixture) -> TubeMask {
        let plane: Vec<bool> = fixture.values("mask_plane").iter().map(|&m| m == 1.0).collect();
        let grid = self.network().token_grid(self.patch);
        TubeMask {
            tokens: plane.repeat(grid[0]),
        }
    }

    fn check(&self) {
        let fixture = Fixture::open(self.name);
        for on in devices_for_large_networks() {
            let device = on.device.clone().autodiff();
            let (channels, classes) = (self.channels, self.classes);
            let weights = fixture.weights();
            let network = self.network();
            let model = load_reference(&network, channels, classes, self.patch, weights, &device);
            self.check_masked(&fixture, &model, &on);
            let outputs = model.forward_scales(self.input(&device), None, 3);
            for (name, output, stride) in [
                ("logits0_strided", &outputs[0], self.stride),
                ("logits1_strided", &outputs[1], self.stride),
                ("logits2", &outputs[2], self.stride),
            ] {
                let what = format!("{}: {name} on {}", self.name, on.name);
                let found = strided(output.clone(), stride);
                assert_within(&what, &found, &fixture.values(name), on.logits);
            }
            assert_plane_sums(&fixture, "sum", &outputs[0], &on);

            let target = Target::new(self.labels(&fixture), 1, classes, &device);
            let loss = DiceCe::default().forward(outputs[0].clone(), &target);
            let found = values(loss.clone());
            let what = format!("{}: loss on {}", self.name, on.name);
            assert_within(&what, &found, &fixture.values("loss0"), 1e-5 * on.gradients);
            let found = gradients(&model, &loss.backward());
            let tolerance = if on.gradients > 1.0 { 2e-3 } else { 1e-4 };
            assert_gradients(&fixture, "grad.", &found, tolerance);
        }
    }

    fn check_masked(&self, fixture: &Fixture, model: &Model, on: &TestDevice) {
        let device = on.device.clone().autodiff();
        let mask = self.mask(fixture).on(&device);
        let found = strided(model.forward(self.input(&device), Some(&mask)), self.stride);
        let what = format!("{}: masked view on {}", self.name, on.name);
        let expected = fixture.values("masked_logits0_strided");
        assert_within(&what, &found, &expected, on.logits);
    }
}

const SYNAPSE: Reference = Reference {
    name: "nnformer_synapse",
    form: NnformerForm::Synapse,
    key: 1_370_720,
    channels: 1,
    classes: 3,
    patch: [32, 64, 64],
    stride: [3; 3],
};

#[test]
fn the_synapse_form_equals_the_released_network() {
    SYNAPSE.check();
}

/// All parameters times a number.
struct Scaled(f64);

impl ModuleMapper for Scaled {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|value| value * self.0)
    }
}

/// Deep supervision on both views, consistency, clipping, SGD and the teacher's update: `nnformer_joint.py` computes
/// them in f64 with the released network and loss. Losses within 2e-5, gradients 2e-4 relative L2, parameters 2e-6.
#[test]
fn a_joint_step_equals_the_released_networks() {
    let (fixture, weights) = (Fixture::open("nnformer_joint"), Fixture::open(SYNAPSE.name));
    let device = Device::flex().autodiff();
    let network = SYNAPSE.network();
    let student = load_reference(&network, 1, 3, SYNAPSE.patch, weights.weights(), &device);
    let teacher = student.valid().map(&mut Scaled(0.97));
    let mask = SYNAPSE.mask(&weights).on(&device);
    let loss = MultiScaleLoss::new(DiceCe::nnunet(true), network.scale_weights());
    let target = Target::new(SYNAPSE.labels(&weights), 1, 3, &device);
    let step = |settings: &MedContext| {
        let masked = Masked {
            mask: &mask,
            target: ConsistencyTarget::Teacher(&teacher),
            settings,
        };
        let x = SYNAPSE.input(&device);
        joint_gradients(&student, Some(masked), x, &target, &loss, Backward::default())
    };
    let rows = fixture.values("losses");
    let (paper, released) = (MedContext::paper(), MedContext::released_nnformer());
    let (gradients, joint) = step(&paper);
    for (name, joint, expected) in [
        ("paper", joint, &rows[..4]),
        ("released", step(&released).1, &rows[4..]),
    ] {
        let terms = [
            joint.supervised,
            joint.masked.expect("a masked view"),
            joint.consistency.expect("a teacher"),
            joint.total,
        ];
        let found = values(Tensor::cat(terms.to_vec(), 0));
        assert_within(name, &found, expected, 2e-5);
    }
    let found = collected_gradients(&student, &gradients);
    assert_gradients(&fixture, "grad.", &found, 2e-4);

    let kind = OptimizerKind::Sgd {
        momentum: 0.99,
        nesterov: true,
    };
    let student = Optimizer::new(kind, 3e-5, Some(12.0)).step(0.01, student.clone(), gradients, 1);
    let teacher = update_teacher(teacher.clone(), &student, 0.996);
    for (prefix, model) in [("student.", &student.valid()), ("teacher.", &teacher)] {
        let found = parameters(model);
        let expected = fixture.with_prefix(prefix);
        assert_eq!(expected.len(), 9);
        for (name, expected) in expected {
            assert_within(&format!("{prefix}{name}"), &found[&name], &expected, 2e-6);
        }
    }
}

#[test]
fn the_acdc_form_equals_the_released_network() {
    let reference = Reference {
        name: "nnformer_acdc",
        form: NnformerForm::Acdc,
        key: 1_501_792,
        channels: 1,
        classes: 4,
        patch: [14, 160, 160],
        stride: [3, 7, 7],
    };
    reference.check();
}

#[test]
fn the_tumor_form_equals_the_released_network() {
    let reference = Reference {
        name: "nnformer_tumor",
        form: NnformerForm::Tumor,
        key: 1_436_256,
        channels: 4,
        classes: 4,
        patch: [64; 3],
        stride: [3; 3],
    };
    reference.check();
}
