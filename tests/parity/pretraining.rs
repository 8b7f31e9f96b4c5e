//! Losses of self-supervised pretraining against PyTorch, values and gradients (`fixtures/pretraining.py`), and what
//! encoders see of a masked patch.
//!
//! Tolerances are those of `losses.rs`: 1e-5 of values and 1e-4 of gradients, wider on GPUs.

use burn::tensor::{Int, Tensor, TensorData};
use medcontext_core::backbone::{Backbone, Model, Network, Size};
use medcontext_core::nn::{TokenMask, trilinear};
use medcontext_core::pretrain::{cosine, mae_loss, normalized_over_batch, normalized_target, nt_xent, simmim_loss};
use medcontext_tests::{Fixture, TestDevice, assert_gradient, assert_within, cpu, devices, values};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Compares a loss and its gradient with the fixture's.
fn check<const D: usize>(fixture: &Fixture, name: &str, on: &TestDevice, input: &Tensor<D>, loss: Tensor<1>) {
    let what = format!("{name} on {}", on.name);
    let expected = fixture.values(&format!("{name}.loss"));
    assert_within(&what, &values(loss.clone()), &expected, 1e-5 * on.gradients);
    let found = values(input.grad(&loss.backward()).expect("a gradient"));
    let expected = fixture.values(&format!("{name}.gradient"));
    assert_gradient(&what, &found, &expected, 1e-4 * on.gradients);
}

#[test]
fn losses_equal_those_of_pytorch() {
    let fixture = Fixture::open("pretraining");
    for on in devices() {
        let device = on.device.clone().autodiff();
        let normalized: Tensor<3> = normalized_target(fixture.tensor("mae.target", &device));
        let expected = fixture.values("mae.normalized");
        assert_within(
            "normalized",
            &values(normalized.clone()),
            &expected,
            1e-5 * on.gradients,
        );
        let restored: Tensor<3> = fixture.tensor("mae.restored", &device).require_grad();
        let loss = mae_loss(restored.clone(), normalized, fixture.tensor("mae.masked", &device));
        check(&fixture, "mae", &on, &restored, loss);

        let restored: Tensor<4> = fixture.tensor("simmim.restored", &device).require_grad();
        let (target, masked) = ("simmim.target", "simmim.masked");
        let [target, masked] = [target, masked].map(|name| fixture.tensor(name, &device));
        check(
            &fixture,
            "simmim",
            &on,
            &restored,
            simmim_loss(restored.clone(), target, masked),
        );

        for name in ["nt_xent_two", "nt_xent_five"] {
            let views: Tensor<2> = fixture.tensor(&format!("{name}.views"), &device).require_grad();
            let temperature = f64::from(fixture.values(&format!("{name}.temperature"))[0]);
            check(&fixture, name, &on, &views, nt_xent(views.clone(), temperature));
        }
    }
}

#[test]
fn the_parts_of_pcrlv2_equal_those_of_pytorch() {
    let fixture = Fixture::open("pretraining");
    for on in devices() {
        let device = on.device.clone().autodiff();
        let features: Tensor<2> = fixture.tensor("over_batch.features", &device).require_grad();
        let normalized = normalized_over_batch(features.clone());
        assert_within(
            "normalized over a batch",
            &values(normalized.clone()),
            &fixture.values("over_batch.normalized"),
            1e-5 * on.gradients,
        );
        let loss = (normalized * fixture.tensor("over_batch.weights", &device)).sum();
        check(&fixture, "over_batch", &on, &features, loss);

        let predicted: Tensor<2> = fixture.tensor("cosine.predicted", &device).require_grad();
        let other: Tensor<2> = fixture.tensor("cosine.other", &device).require_grad();
        let loss = || cosine(predicted.clone(), other.clone()).mean().neg();
        assert!(
            other.grad(&loss().backward()).is_none(),
            "no gradient reaches the target"
        );
        check(&fixture, "cosine", &on, &predicted, loss());

        for (name, factor) in [("trilinear_two", 2), ("trilinear_four", 4)] {
            let coarse: Tensor<5> = fixture.tensor(&format!("{name}.coarse"), &device).require_grad();
            let fine = trilinear(coarse.clone(), factor);
            let expected = fixture.values(&format!("{name}.fine"));
            assert_within(name, &values(fine.clone()), &expected, 1e-5 * on.gradients);
            let loss = (fine * fixture.tensor(&format!("{name}.weights"), &device)).sum();
            check(&fixture, name, &on, &coarse, loss);
        }
    }
}

fn random(shape: [usize; 5], seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..shape.iter().product())
        .map(|_| rng.random_range(-1.0..1.0))
        .collect()
}

fn built(backbone: Backbone, patch: [usize; 3], on: &TestDevice) -> Model {
    Network::new(backbone, Size::Tiny).build(1, 2, patch, 3, &on.device)
}

/// Attention does not know of an order, so all tokens in another one have the same features in that order.
#[test]
fn features_of_visible_tokens_are_those_of_their_places() {
    let patch = [32, 32, 16];
    for on in devices() {
        let model = built(Backbone::Unetr, patch, &on);
        let x = Tensor::from_data(
            TensorData::new(random([2, 1, 32, 32, 16], 1), [2, 1, 32, 32, 16]),
            &on.device,
        );
        let all = model.features(x.clone(), None).expect("an encoder");
        let [samples, channels, d, h, w] = all.dims();
        let all = values(all.reshape([samples, channels, d * h * w]).swap_dims(1, 2));
        let order = [[2, 0, 3, 1], [1, 3, 0, 2]];
        let numbers: Vec<i32> = order.concat();
        let places = Tensor::<2, Int>::from_data(TensorData::new(numbers, [2, 4]), &on.device);
        let found = values(model.visible_features(x, places).expect("it can leave tokens out"));
        let row = |sample: usize, token: usize| &all[(sample * 4 + token) * channels..][..channels];
        let expected: Vec<f32> = (0..2)
            .flat_map(|sample| order[sample].map(|token| row(sample, token as usize)))
            .flatten()
            .copied()
            .collect();
        assert_within(&format!("features on {}", on.name), &found, &expected, 1e-4);
    }
}

/// The features that a masked or left out part would change if it were seen.
#[test]
fn what_is_masked_is_not_seen() {
    let on = cpu();
    for (backbone, patch, token) in [(Backbone::Unetr, [32, 32, 16], 16), (Backbone::SwinUnetr, [32; 3], 2)] {
        let model = built(backbone, patch, &on);
        let [d, h, w] = patch;
        let shape = [1, 1, d, h, w];
        let grid = patch.map(|side| side / token);
        // The half of greater depth is masked.
        let count: usize = grid.iter().product();
        let masked: Vec<bool> = (0..count).map(|index| index >= count / 2).collect();
        let mask = TokenMask::of_each(&[masked], &on.device);
        let one = random(shape, 1);
        let mut other = one.clone();
        let half = one.len() / 2;
        other[half..].copy_from_slice(&random(shape, 2)[half..]);
        let features = |voxels: &Vec<f32>, mask: Option<&TokenMask>| {
            let x = Tensor::from_data(TensorData::new(voxels.clone(), shape), &on.device);
            values(model.features(x, mask).expect("an encoder"))
        };
        assert_eq!(features(&one, Some(&mask)), features(&other, Some(&mask)), "{backbone}");
        assert_ne!(features(&one, None), features(&other, None), "{backbone}");
        if backbone == Backbone::Unetr {
            let visible = |voxels: &Vec<f32>| {
                let x = Tensor::from_data(TensorData::new(voxels.clone(), shape), &on.device);
                let places = Tensor::<2, Int>::from_data(TensorData::new(vec![1, 0], [1, 2]), &on.device);
                values(model.visible_features(x, places).expect("it can leave tokens out"))
            };
            assert_eq!(visible(&one), visible(&other));
        }
    }
}
