//! The kernels at their edges: odd sizes, many channels, values that are no numbers; and gradients against finite
//! differences, which need no other implementation.

use burn::tensor::{Device, Tensor, TensorData};
use futures::executor::block_on;

use super::{
    assert_same, burns_convolution, compare, compare_convolution, on_each_device, plain_instance_norm, random,
};
use crate::nn::kernel::{
    add_leaky_relu, attention, class_sums, conv3d_same, generic_class_sums, instance_norm, layer_norm, linear,
};

#[test]
fn convolutions_of_odd_sizes_and_many_channels_equal_burns() {
    on_each_device(|device| {
        let device = device.autodiff();
        for (x, output, kernel) in [
            ([1, 1, 1, 1, 1], 1, 3),
            ([1, 3, 17, 1, 33], 16, 3),
            ([1, 16, 1, 33, 3], 48, 3),
            ([3, 48, 3, 3, 17], 3, 3),
            ([1, 768, 1, 3, 3], 16, 3),
            ([1, 16, 3, 1, 3], 768, 3),
            ([1, 768, 1, 1, 17], 3, 1),
            ([1, 3, 17, 3, 1], 768, 1),
        ] {
            compare_convolution(x, output, kernel, &device);
        }
    });
}

#[test]
fn norms_and_products_of_odd_sizes_equal_their_formulas() {
    on_each_device(|device| {
        let device = device.autodiff();
        for shape in [
            [1, 1, 1, 1, 3],
            [1, 3, 17, 33, 1],
            [2, 48, 1, 3, 17],
            [1, 768, 3, 1, 1],
            [1, 2, 17, 33, 17],
        ] {
            let formula = |x, other: Tensor<5>| plain_instance_norm(x) + other;
            let inputs = [random(shape, 3, &device) * 3.0, random(shape, 4, &device)];
            compare(
                &format!("{shape:?}"),
                inputs,
                |x, other| instance_norm(x, 1.0) + other,
                formula,
            );
        }
        for (rows, terms, columns) in [(1, 768, 3), (33, 1, 17), (3, 17, 768), (768, 48, 1)] {
            let inputs = [random([rows, terms], 1, &device), random([terms, columns], 2, &device)];
            let what = format!("{rows} × {terms} × {columns}");
            compare(
                &what,
                inputs,
                |x, w| linear(x, w, None, None),
                |x: Tensor<2>, w| x.matmul(w),
            );
        }
    });
}

/// Which values are no finite numbers.
fn broken<const D: usize>(y: Tensor<D>) -> Vec<bool> {
    let data = block_on(y.into_data_async()).expect("the device answers");
    let values: Vec<f32> = data.try_into_vec().expect("f32");
    values.iter().map(|value| !value.is_finite()).collect()
}

/// A value that is no number is seen wherever burn's own operations show it: it must not vanish in a kernel. (A ReLU
/// makes a zero of it, there and here, so group norm with its ReLU is left out.)
#[test]
fn what_is_no_number_stays_none() {
    on_each_device(|device| {
        let with = |value: f32, device: &Device| {
            let mut values = vec![0.5; 2 * 4 * 5 * 6 * 7];
            values[421] = value;
            Tensor::<5>::from_data(TensorData::new(values, [2, 4, 5, 6, 7]), device)
        };
        for value in [f32::NAN, f32::INFINITY] {
            let x = with(value, &device);
            let weight = random([3, 4, 3, 3, 3], 2, &device);
            let flat = x.clone().reshape([2, 4, 210]);
            let truth = flat.clone().zeros_like();
            let rows = x.clone().reshape([240, 7]);
            let wide = [Tensor::ones([7], &device), Tensor::zeros([7], &device)];
            let found = [
                ("convolution", broken(conv3d_same(x.clone(), weight.clone()))),
                ("instance norm", broken(instance_norm(x.clone(), 0.01))),
                (
                    "layer norm",
                    broken(layer_norm(rows.clone(), wide[0].clone(), wide[1].clone())),
                ),
                ("sum", broken(add_leaky_relu(x.clone(), x.clone(), 0.01))),
                ("loss", broken(class_sums(flat.clone(), truth, true, false))),
                (
                    "linear layer",
                    broken(linear(rows, Tensor::ones([7, 2], &device), None, None)),
                ),
                (
                    "attention",
                    broken(attention(flat.reshape([8, 35, 6]), None, 2, None, None)),
                ),
            ];
            // In the second of two samples, its first channel of four.
            let convolved = broken(burns_convolution(x.clone(), weight));
            assert!(
                found[0].1.iter().zip(&convolved).all(|(ours, burns)| *ours || !burns),
                "{value}"
            );
            let norm = &found[1].1;
            assert!(norm[420..840].iter().any(|broken| *broken), "{value} in a norm");
            assert!(
                norm.iter().take(420).all(|broken| !broken),
                "{value} in the first sample"
            );
            for (what, values) in found {
                assert!(values.contains(&true), "{value} has vanished in {what}");
            }
        }
    });
}

/// ⟨gradient of Σ weights · f(x), direction⟩ against the central difference along the direction.
fn along<const D: usize>(what: &str, x: Tensor<D>, f: impl Fn(Tensor<D>) -> Tensor<D>) {
    const STEP: f64 = 1e-2;
    let device = x.device();
    let x = x.detach().require_grad();
    let y = f(x.clone());
    let weights = random(y.dims(), 7, &device);
    let direction = random(x.dims(), 8, &device);
    let gradients = (y * weights.clone()).sum().backward();
    let gradient = x.grad(&gradients).expect("it is tracked");
    let slope = (gradient * direction.clone().inner()).sum();
    let at = |by: f64| (f(x.clone() + direction.clone() * by) * weights.clone()).sum().inner();
    let difference = (at(STEP) - at(-STEP)) / (2.0 * STEP);
    let number = |tensor: Tensor<1>| {
        let read = block_on(tensor.into_scalar_async::<f32>());
        f64::from(read.expect("the device answers"))
    };
    let (slope, difference) = (number(slope), number(difference));
    // Both are of sums in f32, and the difference leaves out the third derivative.
    let tolerance = 0.01 * slope.abs().max(1.0);
    assert!(
        (slope - difference).abs() < tolerance,
        "{what}: {slope} and {difference}"
    );
}

#[test]
fn gradients_are_those_of_finite_differences() {
    on_each_device(|device| {
        let device = device.autodiff();
        let volume = random([2, 4, 5, 6, 7], 1, &device);
        let weight = random([3, 4, 3, 3, 3], 2, &device);
        along("convolution", volume.clone(), |x| conv3d_same(x, weight.clone()));
        along("its weights", weight.clone(), |weight| {
            conv3d_same(volume.clone(), weight)
        });
        along("instance norm", volume.clone(), |x| instance_norm(x, 1.0));
        let rows = random([30, 12], 3, &device);
        let (gain, bias) = (random([12], 4, &device), random([12], 5, &device));
        along("layer norm", rows.clone(), |x| {
            layer_norm(x, gain.clone(), bias.clone())
        });
        let tokens = random([4, 9, 18], 6, &device);
        along("attention", tokens, |x| attention(x, None, 2, None, None));
        let matrix = random([12, 5], 9, &device);
        along("linear layer", rows, |x| linear(x, matrix.clone(), None, None));
    });
}

/// The gradient of the loss is tested apart: its truth has none.
#[test]
fn the_gradient_of_a_loss_is_that_of_its_generic_form() {
    on_each_device(|device| {
        let device = device.autodiff();
        let truth = random([1, 3, 517], 2, &device) + 1.0;
        let of = |f: &dyn Fn(Tensor<3>) -> Tensor<3>| {
            let logits = (random([1, 3, 517], 1, &device) * 4.0).detach().require_grad();
            let gradients = f(logits.clone()).sum().backward();
            logits.grad(&gradients).expect("it is tracked")
        };
        let ours = of(&|logits| class_sums(logits, truth.clone(), false, false));
        let generic = of(&|logits| generic_class_sums(logits, truth.clone(), false, false));
        assert_same("gradient of the logits", ours, generic);
    });
}
