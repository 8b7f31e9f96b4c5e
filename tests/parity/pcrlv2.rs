//! PCRLv2's CNN against the authors' fine-tuning network: probabilities, loss, gradients and running
//! statistics.
//!
//! Tolerances: 5e-5 (CPU) and 1e-3 (GPU) absolute; gradients [`SIGN_FLIPS`].

use burn::module::Module;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};
use medcontext_core::backbone::{Model, Network, NormKind, Pcrlv2Config};
use medcontext_tests::{
    Fixture, SIGN_FLIPS, TestDevice, assert_gradients, assert_within, devices_for_large_networks, gradients,
    load_reference, parameters, procedural, values,
};

const PATCH: [usize; 3] = [16, 32, 24];

fn model(fixture: &Fixture, norm: NormKind, channels: usize, device: &Device) -> Model {
    let network = Network::Pcrlv2(Pcrlv2Config {
        width: 32,
        norm,
        skip: false,
    });
    load_reference(&network, channels, 3, PATCH, fixture.weights(), device)
}

fn input(key: u64, [batch, channels]: [usize; 2], device: &Device) -> Tensor<5> {
    let [d, h, w] = PATCH;
    let x = procedural(key, 0.0, 1.0, batch * channels * d * h * w);
    Tensor::from_data(TensorData::new(x, [batch, channels, d, h, w]), device)
}

/// The output, the loss and the gradients that the fixture holds.
fn check_training(fixture: &Fixture, model: &Model, x: Tensor<5>, on: &TestDevice) {
    let device = x.device();
    let found = sigmoid(model.forward(x, None));
    let what = format!("probabilities on {}", on.name);
    assert_within(&what, &values(found.clone()), &fixture.values("prob"), on.logits);
    let y: Tensor<5> = fixture.tensor("y", &device);
    let loss = (found - y).powi_scalar(2).mean();
    let what = format!("loss on {}", on.name);
    let expected = fixture.values("loss_mse");
    assert_within(&what, &values(loss.clone()), &expected, 1e-5 * on.gradients);
    let found = gradients(model, &loss.backward());
    assert_gradients(fixture, "grad.", &found, SIGN_FLIPS);
}

#[test]
fn with_group_norm_it_equals_the_released_network() {
    let fixture = Fixture::open("pcrlv2_seg_gn");
    for on in devices_for_large_networks() {
        let device = on.device.clone().autodiff();
        let model = model(&fixture, NormKind::Group, 4, &device);
        let x = input(2_026_080, [1, 4], &device);
        check_training(&fixture, &model, x, &on);
    }
}

#[test]
fn with_batch_norm_it_equals_the_released_network() {
    let fixture = Fixture::open("pcrlv2_seg_bn");
    for on in devices_for_large_networks() {
        let device = on.device.clone().autodiff();
        let model = model(&fixture, NormKind::Batch, 1, &device);
        let x = input(2_091_616, [2, 1], &device);
        check_training(&fixture, &model, x.clone(), &on);

        // Running statistics after training, and predictions with them.
        let model = model.valid();
        let found = parameters(&model);
        for (name, expected) in fixture.with_prefix("after.") {
            assert_within(&name, &found[&name], &expected, on.logits);
        }
        let found = sigmoid(model.forward(x.inner(), None));
        let what = format!("prediction on {}", on.name);
        assert_within(&what, &values(found), &fixture.values("prob_eval"), on.logits);
    }
}
