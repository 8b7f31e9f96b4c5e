//! SwinUNETR against MONAI 1.5: hidden states, logits, loss and gradients.
//!
//! Tolerances: 5e-5 (CPU) and 1e-3 (GPU) absolute; gradients of the transformer alone 1e-4 relative
//! L2, ten times as much on a GPU; those of the whole network [`SIGN_FLIPS`].

use burn::tensor::{Device, Tensor, TensorData};
use medcontext_core::backbone::{Merging, Model, Network, SwinUnetrConfig};
use medcontext_core::loss::{DiceCe, Loss, Target};
use medcontext_tests::{
    Fixture, SIGN_FLIPS, TestDevice, assert_gradients, assert_plane_sums, assert_within, devices_for_large_networks,
    gradients, load_reference, procedural, strided, values,
};

fn network(stage_convolutions: bool) -> Network {
    Network::SwinUnetr(SwinUnetrConfig {
        feature: 12,
        depths: [2; 4],
        heads: [3, 6, 12, 24],
        window: 7,
        mlp_ratio: 4,
        merging: Merging::Monai15,
        stage_convolutions,
    })
}

fn input(key: u64, [d, h, w]: [usize; 3], device: &Device) -> Tensor<5> {
    let x = procedural(key, 0.0, 1.0, d * h * w);
    Tensor::from_data(TensorData::new(x, [1, 1, d, h, w]), device)
}

fn check(name: &str, key: u64, size: [usize; 3], stage_convolutions: bool) {
    let fixture = Fixture::open(name);
    for on in devices_for_large_networks() {
        let device = on.device.clone().autodiff();
        let weights = fixture.weights();
        let model = load_reference(&network(stage_convolutions), 1, 3, size, weights, &device);
        check_hidden(&fixture, &model, input(key, size, &device), &on);

        let logits = model.forward(input(key, size, &device), None);
        let what = format!("{name}: logits on {}", on.name);
        let found = strided(logits.clone(), [3; 3]);
        let expected = fixture.values("logits_stride3");
        assert_within(&what, &found, &expected, on.logits);
        assert_plane_sums(&fixture, "sum", &logits, &on);

        let target = Target::new(fixture.bytes("y"), 1, 3, &device);
        let loss = DiceCe::default().forward(logits, &target);
        let found = values(loss.clone());
        let what = format!("{name}: loss on {}", on.name);
        assert_within(&what, &found, &fixture.values("loss"), 1e-5 * on.gradients);
        let found = gradients(&model, &loss.backward());
        assert_gradients(&fixture, "grad.", &found, SIGN_FLIPS);
    }
}

fn check_hidden(fixture: &Fixture, model: &Model, x: Tensor<5>, on: &TestDevice) {
    let Model::SwinUnetr(network) = model else {
        panic!("the network is SwinUNETR");
    };
    for (level, found) in network.hidden(x, None).into_iter().enumerate() {
        let step = if level < 2 { 3 } else { 1 };
        let what = format!("hidden {level} on {}", on.name);
        let expected = fixture.values(&format!("hidden{level}"));
        assert_within(&what, &strided(found, [step; 3]), &expected, on.logits);
    }
}

#[test]
fn a_cube_equals_monai() {
    check("swinunetr_v1_64", 715_360, [64; 3], false);
}

#[test]
fn unequal_sides_equal_monai() {
    check("swinunetr_v1_aniso", 846_432, [64, 96, 64], false);
}

#[test]
fn convolutions_before_the_stages_equal_monai() {
    check("swinunetr_v2_64", 780_896, [64; 3], true);
}

/// The sum over the hidden states of mean(hidden · weight), differentiated by PyTorch in f64.
#[test]
fn gradients_of_the_transformer_alone_equal_monai() {
    let weights = Fixture::open("swinunetr_v1_64").weights();
    let expected = Fixture::open("swin_hidden_gradients");
    let (size, key) = ([64; 3], 715_360);
    for on in devices_for_large_networks() {
        let device = on.device.clone().autodiff();
        let model = load_reference(&network(false), 1, 3, size, weights.clone(), &device);
        let Model::SwinUnetr(network) = &model else {
            panic!("the network is SwinUNETR");
        };
        let hidden = network.hidden(input(key, size, &device), None).into_iter();
        let terms = hidden.zip(9_000_000..).map(|(hidden, key)| {
            let shape = hidden.dims();
            let weight = procedural(key, 0.0, 1.0, shape.iter().product());
            (hidden * Tensor::from_data(TensorData::new(weight, shape), &device)).mean()
        });
        let total = terms.reduce(|sum, term| sum + term).expect("five terms");
        let found = gradients(&model, &total.backward());
        assert_gradients(&expected, "grad.", &found, 1e-4 * on.gradients);
    }
}
