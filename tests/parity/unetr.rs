//! UNETR against MONAI 1.5 and the released MedContext student: logits, loss and gradients.
//!
//! Tolerances: logits 5e-5 (CPU) and 1e-3 (GPU) absolute; gradients 1e-4 relative L2, 1e-3 for
//! `unetr_btcv_convres` (signs of leaky ReLU flip near 0), ten times as much on a GPU.

use burn::tensor::{Device, Tensor};
use medcontext_core::backbone::{Model, Network, PatchProjection, UnetrConfig};
use medcontext_core::medcontext::TubeMask;
use medcontext_core::train::{DiceCe, Target};
use medcontext_tests::{
    Fixture, TestDevice, assert_gradient, assert_within, devices, gradients, load_reference,
    procedural, values,
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

fn stored_weights(fixture: &Fixture) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let names = fixture.names();
    let weights = names
        .iter()
        .filter_map(|name| Some((name, name.strip_prefix("w.")?)));
    weights
        .map(|(name, short)| (short.to_owned(), fixture.shape(name), fixture.values(name)))
        .collect()
}

fn procedural_weights(fixture: &Fixture) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let meta = fixture.meta();
    let weights = meta["weights"].as_array().expect("the weights' rule");
    weights
        .iter()
        .map(|w| {
            let shape: Vec<usize> = serde_json::from_value(w["shape"].clone()).expect("a shape");
            let number = |key: &str| w[key].as_f64().expect("a number") as f32;
            let key = w["key"].as_u64().expect("a key");
            let count = shape.iter().product();
            let name = w["name"].as_str().expect("a name").to_owned();
            (
                name,
                shape,
                procedural(key, number("base"), number("scale"), count),
            )
        })
        .collect()
}

/// Every third value along each spatial axis.
fn stride3(logits: Tensor<5>) -> Vec<f32> {
    let [_, _, d, h, w] = logits.dims();
    let device = logits.device();
    let pick = |n: usize| {
        let indices: Vec<i32> = (0..n as i32).step_by(3).collect();
        Tensor::<1, burn::tensor::Int>::from_data(indices.as_slice(), &device)
    };
    values(
        logits
            .select(2, pick(d))
            .select(3, pick(h))
            .select(4, pick(w)),
    )
}

fn check_trained(
    fixture: &Fixture,
    model: impl Fn(&Device) -> Model,
    tolerance: f64,
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
    let second = stride3(logits.clone().narrow(0, 1, 1));
    let expected = fixture.values("logits_b1_stride3");
    assert_within(
        &format!("second sample on {}", on.name),
        &second,
        &expected,
        on.logits,
    );

    let target = Target::new(fixture.bytes("y"), 2, 3, &device);
    let loss = DiceCe::default().forward(logits, &target);
    assert_within(
        &format!("loss on {}", on.name),
        &values(loss.clone()),
        &fixture.values("loss"),
        1e-5 * on.gradients,
    );
    let found = gradients(&model, &loss.backward());
    let names = fixture.names();
    let expected: Vec<_> = names
        .iter()
        .filter_map(|n| Some((n, n.strip_prefix("grad.")?)))
        .collect();
    assert!(expected.len() >= 9, "the fixture holds nine gradients");
    for (name, parameter) in expected {
        let what = format!("gradient of {parameter} on {}", on.name);
        assert_gradient(
            &what,
            &found[parameter],
            &fixture.values(name),
            tolerance * on.gradients,
        );
    }
}

#[test]
fn residual_unetr_equals_monai() {
    let fixture = Fixture::open("unetr_btcv_convres");
    for on in devices() {
        let model = |device: &Device| {
            let network = network(PatchProjection::Perceptron, true);
            load_reference(&network, 3, [32; 3], stored_weights(&fixture), device)
        };
        check_trained(&fixture, model, 1e-3, &on);
    }
}

#[test]
fn plain_unetr_with_convolutional_patches_equals_monai() {
    let fixture = Fixture::open("unetr_plain");
    for on in devices() {
        let model = |device: &Device| {
            let network = network(PatchProjection::Conv, false);
            load_reference(&network, 3, [32; 3], procedural_weights(&fixture), device)
        };
        check_trained(&fixture, model, 1e-4, &on);
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
        let model = load_reference(
            &network,
            3,
            [32, 48, 32],
            stored_weights(&fixture),
            &on.device,
        );
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
                &stride3(found.clone()),
                &fixture.values(logits),
                on.logits,
            );
            check_plane_sums(&fixture, &found, sums, &on);
        }
    }
}

/// Sums over planes see the voxels between the strides; their tolerance grows with a plane's size.
fn check_plane_sums(fixture: &Fixture, logits: &Tensor<5>, sums: &str, on: &TestDevice) {
    let [b, c, d, h, w] = logits.dims();
    let all = values(logits.clone());
    for (axis, name) in ["axis_sum_d", "axis_sum_h", "axis_sum_w"]
        .into_iter()
        .enumerate()
    {
        let side = [d, h, w][axis];
        let mut found = vec![0.0f64; b * c * side];
        for (index, &value) in all.iter().enumerate() {
            let place = [index / (h * w) % d, index / w % h, index % w][axis];
            found[index / (d * h * w) * side + place] += f64::from(value);
        }
        let expected = fixture.doubles(&format!("{sums}.{name}"));
        let plane = (d * h * w / side) as f64;
        for (a, e) in found.iter().zip(&expected) {
            let allowed = on.logits * plane;
            assert!(
                (a - e).abs() < allowed,
                "{sums}.{name} on {}: {a} and {e}",
                on.name
            );
        }
    }
}

#[test]
fn the_number_of_parameters_is_the_papers() {
    // Counted in PyTorch: UNETR 96³, 1 → 14, feature size 32, without and with the mask token.
    let network = Network::new(
        medcontext_core::backbone::Backbone::Unetr,
        medcontext_core::backbone::Size::Paper,
    );
    let model = network.build(1, 14, [96; 3], 0, &Device::flex());
    assert_eq!(burn::module::Module::num_params(&model), 101_787_214 + 768);
}

#[test]
fn the_peers_size_has_the_peers_parameters() {
    let network = Network::new(
        medcontext_core::backbone::Backbone::Unetr,
        medcontext_core::backbone::Size::Small,
    );
    let model = network.build(1, 3, [32, 48, 32], 0, &Device::flex());
    assert_eq!(burn::module::Module::num_params(&model), 8_942_067);
    let tiny = Network::new(
        medcontext_core::backbone::Backbone::Unetr,
        medcontext_core::backbone::Size::Tiny,
    );
    let tiny = tiny.build(1, 3, [32, 48, 32], 0, &Device::flex());
    assert!(burn::module::Module::num_params(&tiny) < 3_000_000);
}
