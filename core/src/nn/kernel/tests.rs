//! The CPU kernels against burn's own operations: values and gradients, 1e-5 relative L2 (both sides
//! compute in f32, in another order).

use burn::tensor::activation::leaky_relu;
use burn::tensor::module::conv3d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};
use futures::executor::block_on;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{conv3d_same, instance_norm};

fn random<const D: usize>(shape: [usize; D], seed: u64, device: &Device) -> Tensor<D> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| rng.random_range(-1.0..1.0))
        .collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn assert_same<const D: usize>(what: &str, found: Tensor<D>, expected: Tensor<D>) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let norm = |t: Tensor<D>| {
        let sum = block_on(t.powi_scalar(2).sum().into_scalar_async::<f32>());
        f64::from(sum.expect("the cpu answers")).sqrt()
    };
    let error = norm(found - expected.clone()) / norm(expected);
    assert!(error < 1e-5, "{what}: relative L2 {error:e}");
}

/// Runs both sides on the same inputs and compares results and the gradients of a weighted sum.
fn compare<const D: usize>(
    what: &str,
    inputs: [Tensor<D>; 2],
    ours: impl Fn(Tensor<D>, Tensor<D>) -> Tensor<D>,
    reference: impl Fn(Tensor<D>, Tensor<D>) -> Tensor<D>,
) {
    let run = |f: &dyn Fn(Tensor<D>, Tensor<D>) -> Tensor<D>| {
        let [a, b] = inputs.clone().map(|t| t.detach().require_grad());
        let y = f(a.clone(), b.clone());
        let weights = random(y.dims(), 9, &y.device());
        let gradients = (y.clone() * weights).sum().backward();
        (y.inner(), a.grad(&gradients), b.grad(&gradients))
    };
    let (y, da, db) = run(&ours);
    let (y2, da2, db2) = run(&reference);
    assert_same(&format!("{what}: result"), y, y2);
    for (name, found, expected) in [("first", da, da2), ("second", db, db2)] {
        if let (Some(found), Some(expected)) = (found, expected) {
            assert_same(
                &format!("{what}: gradient of the {name} input"),
                found,
                expected,
            );
        }
    }
}

#[test]
fn convolution_equals_burns() {
    let device = Device::flex().autodiff();
    // Long planes go the direct way, short ones and other kernels are gathered; channel counts
    // that do not fill a register block, and a kernel larger than the volume, are among them.
    for (x, output, kernel) in [
        ([2, 3, 4, 18, 16], 5, 3),
        ([1, 1, 2, 40, 37], 8, 3),
        ([1, 17, 3, 16, 16], 11, 3),
        ([2, 4, 3, 4, 5], 6, 3),
        ([1, 2, 1, 2, 1], 3, 3),
        ([1, 2, 5, 30, 20], 3, 5),
    ] {
        let inputs = [
            random(x, 1, &device),
            random([output, x[1], kernel, kernel, kernel], 2, &device),
        ];
        let options = || ConvOptions::new([1; 3], [kernel / 2; 3], [1; 3], 1);
        compare(
            &format!("{x:?} to {output}"),
            inputs,
            conv3d_same,
            |x, w| conv3d(x, w, None, options()),
        );
    }
}

#[test]
fn instance_norm_equals_its_formula() {
    let device = Device::flex().autodiff();
    for slope in [1.0, 0.01] {
        let shape = [2, 3, 4, 5, 6];
        let inputs = [
            random(shape, 3, &device) * 3.0 + 2.0,
            random(shape, 4, &device),
        ];
        let formula = |x: Tensor<5>, other: Tensor<5>| {
            let flat = x.reshape([2, 3, 120]);
            let centred = flat.clone() - flat.mean_dim(2);
            let variance = centred.clone().powi_scalar(2).mean_dim(2);
            let y = (centred / (variance + 1e-5).sqrt()).reshape(shape);
            leaky_relu(y, slope) + other
        };
        compare(
            &format!("slope {slope}"),
            inputs,
            |x, other| instance_norm(x, slope) + other,
            formula,
        );
    }
}
