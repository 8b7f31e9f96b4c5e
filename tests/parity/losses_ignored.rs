//! Losses of partly labeled voxels against numpy and nnU-Net 2.8.1, values and gradients
//! (`fixtures/losses_ignored.py`).
//!
//! Tolerances are those of `losses.rs`.

use burn::tensor::{Device, Tensor, TensorData};
use medcontext_core::loss::{Activation, DiceCe, IGNORED, Loss, MultiScaleLoss, Target};
use medcontext_tests::{Fixture, TestDevice, assert_gradient, assert_within, devices, values};

/// Logits of a fixture and the labels that go with them: classes, or regions with a sigmoid.
struct Given<'a> {
    fixture: &'a Fixture,
    logits: &'a str,
    labels: &'a str,
}

impl Given<'_> {
    fn target(&self, options: &DiceCe, device: &Device) -> Target {
        let shape = self.fixture.shape(self.logits);
        let (batch, classes, labels) = (shape[0], shape[1], self.fixture.bytes(self.labels));
        match options.activation {
            Activation::Softmax => Target::new(labels, batch, classes, device),
            Activation::Sigmoid => Target::regions(labels, batch, classes, device),
        }
    }

    /// Compares value and gradient, and asks for a gradient of exactly 0 at ignored voxels.
    fn check(&self, what: &str, on: &TestDevice, options: DiceCe, value: f32, gradient: &[f32]) {
        let device = on.device.clone().autodiff();
        let logits: Tensor<5> = self.fixture.tensor(self.logits, &device).require_grad();
        let loss = options.forward(logits.clone(), &self.target(&options, &device));
        let what = format!("{what} on {}", on.name);
        assert_within(&what, &values(loss.clone()), &[value], 1e-5 * on.gradients);
        let found = values(logits.grad(&loss.backward()).expect("the logits have a gradient"));
        assert_gradient(&what, &found, gradient, 1e-4 * on.gradients);
        let ([_, classes, d, h, w], labels) = (logits.dims(), self.fixture.bytes(self.labels));
        let voxels = d * h * w;
        let own_labels = labels.len() == found.len();
        for (index, &value) in found.iter().enumerate() {
            let shared = index / (classes * voxels) * voxels + index % voxels;
            if labels[if own_labels { index } else { shared }] == IGNORED {
                assert_eq!(value, 0.0, "{what}: {index}");
            }
        }
    }
}

fn nnunet_regions() -> DiceCe {
    DiceCe {
        ce_weight: 0.7,
        ..DiceCe::regions()
    }
}

#[test]
fn losses_of_partly_labeled_voxels_equal_their_formulas() {
    let fixture = Fixture::open("losses_ignored");
    let squared = DiceCe {
        squared: true,
        batch: true,
        smooth_numerator: 0.0,
        smooth_denominator: 1e-6,
        ..nnunet_regions()
    };
    for on in devices() {
        for (name, labels, options) in [
            ("default", "labels", DiceCe::default()),
            ("nnunet", "labels", DiceCe::nnunet(false)),
            ("nnunet_batch", "labels", DiceCe::nnunet(true)),
            ("regions", "inside", nnunet_regions()),
            ("regions_squared", "inside", squared),
        ] {
            let given = Given {
                fixture: &fixture,
                logits: "logits",
                labels,
            };
            let value = fixture.values(&format!("loss.{name}"))[0];
            let gradient = fixture.values(&format!("gradient.{name}"));
            given.check(name, &on, options, value, &gradient);
        }
    }
}

/// nnU-Net minimizes −Dice, which is less by 1, and sums its binary cross entropy over regions, of which there are 3.
#[test]
fn losses_of_partly_labeled_voxels_equal_nnunets() {
    let fixture = Fixture::open("losses_ignored");
    for on in devices() {
        for batch in [false, true] {
            let regions = DiceCe {
                ce_weight: 3.0,
                batch,
                ..DiceCe::regions()
            };
            for (kind, logits, labels, options) in [
                ("dc_ce_ignore", "logits", "labels", DiceCe::nnunet(batch)),
                ("dc_bce_ignore", "region_logits", "regions", regions),
            ] {
                let given = Given {
                    fixture: &fixture,
                    logits: &format!("nnunet.{logits}"),
                    labels: &format!("nnunet.{labels}"),
                };
                let name = format!("nnunet.{kind}.batch_{batch}");
                let value = fixture.values(&format!("{name}.loss"))[0] + 1.0;
                given.check(&name, &on, options, value, &fixture.values(&format!("{name}.grad")));
            }
        }
    }
}

/// The coarse output alone has a weight: its labels, and which of them are ignored, come from the fine ones.
#[test]
fn coarser_outputs_leave_out_ignored_voxels_too() {
    let fixture = Fixture::open("losses_ignored");
    for on in devices() {
        let device = on.device.clone().autodiff();
        for (name, labels, options) in [
            ("coarse_default", "labels", DiceCe::default()),
            ("coarse_regions", "inside", nnunet_regions()),
        ] {
            let given = Given {
                fixture: &fixture,
                logits: "logits",
                labels,
            };
            let target = given.target(&options, &device);
            let fine: Tensor<5> = fixture.tensor("logits", &device);
            let coarse: Tensor<5> = fixture.tensor("coarse", &device).require_grad();
            let loss = MultiScaleLoss::new(options, &[0.0, 1.0]).forward(&[fine, coarse.clone()], &target);
            let what = format!("{name} on {}", on.name);
            let expected = fixture.values(&format!("loss.{name}"));
            assert_within(&what, &values(loss.clone()), &expected, 1e-5 * on.gradients);
            let found = values(coarse.grad(&loss.backward()).expect("a gradient"));
            let expected = fixture.values(&format!("gradient.{name}"));
            assert_gradient(&what, &found, &expected, 1e-4 * on.gradients);
        }
    }
}

/// Also without any smoothing, which divides 0 by 0.
#[test]
fn a_batch_without_labels_has_no_loss_and_no_gradient() {
    let plain = DiceCe {
        smooth_numerator: 0.0,
        smooth_denominator: 0.0,
        ..DiceCe::default()
    };
    for on in devices() {
        let device = on.device.clone().autodiff();
        for options in [plain, DiceCe::default(), DiceCe::nnunet(true), nnunet_regions()] {
            let numbers: Vec<f32> = (0..2 * 3 * 64).map(|index| (index * 7 % 11) as f32 - 5.0).collect();
            let logits = Tensor::<5>::from_data(TensorData::new(numbers, [2, 3, 4, 4, 4]), &device).require_grad();
            let target = match options.activation {
                Activation::Softmax => Target::new(vec![IGNORED; 128], 2, 3, &device),
                Activation::Sigmoid => Target::regions(vec![IGNORED; 384], 2, 3, &device),
            };
            let loss = options.forward(logits.clone(), &target);
            assert_eq!(values(loss.clone()), [0.0], "{options:?} on {}", on.name);
            let gradient = values(logits.grad(&loss.backward()).expect("a gradient"));
            assert!(gradient.iter().all(|&value| value == 0.0), "{options:?} on {}", on.name);
        }
    }
}

/// A set of 256 classes has no room for ignored voxels: the last index is a class like any other.
#[test]
fn the_last_of_256_classes_is_learned() {
    let device = Device::flex();
    let logits = Tensor::<5>::zeros([1, 256, 1, 1, 2], &device);
    let loss =
        |labels: Vec<u8>| values(DiceCe::default().forward(logits.clone(), &Target::new(labels, 1, 256, &device)));
    assert_within("loss", &loss(vec![3, IGNORED]), &loss(vec![3, 4]), 1e-6);
    assert!(loss(vec![IGNORED; 2])[0] > 1.0);
}
