//! UNETR against MONAI 1.5 and the released MedContext student: logits, loss and gradients.
//!
//! Tolerances: logits 5e-5 (CPU) and 1e-3 (GPU) absolute; gradients 1e-4 relative L2, ten times as
//! much on a GPU, and [`SIGN_FLIPS`] for `unetr_btcv_convres`, whose shortcuts carry the signs of all
//! leaky ReLUs.

use burn::tensor::{Device, Tensor};
use medcontext_core::backbone::{Model, Network, PatchProjection, UnetrConfig};
use medcontext_core::loss::{DiceCe, Loss, Target};
use medcontext_core::medcontext::TubeMask;
use medcontext_tests::{
    Fixture, SIGN_FLIPS, TestDevice, assert_gradients, assert_plane_sums, assert_within, devices, gradients,
    load_reference, strided, values,
};

fn network(projection: PatchProjection, blocks: bool) -> Network {
    Network::Unetr(UnetrConfig {
        hidden: 48,
        mlp: 96,
        heads: 4,
        layers: 12,
        feature: 4,
        projection,
        conv_block: blocks,
        res_block: blocks,
    })
}

fn check_trained(
    fixture: &Fixture,
    model: impl Fn(&Device) -> Model,
    tolerance: impl Fn(&TestDevice) -> f64,
    on: &TestDevice,
) {
    let device = on.device.clone().autodiff();
    let model = model(&device);
    let logits = model.forward(fixture.tensor("x", &device), None);
    let first = values(logits.clone().narrow(0, 0, 1));
    assert_within(
        &format!("logits on {}", on.name),
        &first,
        &fixture.values("logits"),
        on.logits,
    );
    let second = strided(logits.clone().narrow(0, 1, 1), [3; 3]);
    let expected = fixture.values("logits_b1_stride3");
    assert_within(&format!("second sample on {}", on.name), &second, &expected, on.logits);

    let target = Target::new(fixture.bytes("y"), 2, 3, &device);
    let loss = DiceCe::default().forward(logits, &target);
    assert_within(
        &format!("loss on {}", on.name),
        &values(loss.clone()),
        &fixture.values("loss"),
        1e-5 * on.gradients,
    );
    let found = gradients(&model, &loss.backward());
    assert_gradients(fixture, "grad.", &found, tolerance(on));
}

#[test]
fn residual_unetr_equals_monai() {
    let fixture = Fixture::open("unetr_btcv_convres");
    for on in devices() {
        let model = |device: &Device| {
            let network = network(PatchProjection::Perceptron, true);
            load_reference(&network, 1, 3, [32; 3], fixture.weights(), device)
        };
        check_trained(&fixture, model, |_| SIGN_FLIPS, &on);
    }
}

#[test]
fn plain_unetr_with_convolutional_patches_equals_monai() {
    let fixture = Fixture::open("unetr_plain");
    for on in devices() {
        let model = |device: &Device| {
            let network = network(PatchProjection::Conv, false);
            load_reference(&network, 1, 3, [32; 3], fixture.weights(), device)
        };
        check_trained(&fixture, model, |on| 1e-4 * on.gradients, &on);
    }
}

#[test]
fn masked_and_clean_views_equal_the_released_student() {
    let fixture = Fixture::open("unetr_medcontext_masked");
    let mask = TubeMask {
        tokens: fixture.values("mask").iter().map(|&m| m == 1.0).collect(),
    };
    for on in devices() {
        let network = network(PatchProjection::Perceptron, true);
        let model = load_reference(&network, 1, 3, [32, 48, 32], fixture.weights(), &on.device);
        let x: Tensor<5> = fixture.tensor("x", &on.device);
        let token_mask = mask.on(&on.device);
        for (mask, logits, sums) in [
            (None, "logits", "sum"),
            (Some(&token_mask), "logits_masked", "summasked"),
        ] {
            let found = model.forward(x.clone(), mask);
            let what = format!("{logits} on {}", on.name);
            assert_within(
                &what,
                &strided(found.clone(), [3; 3]),
                &fixture.values(logits),
                on.logits,
            );
            assert_plane_sums(&fixture, sums, &found, &on);
        }
    }
}
