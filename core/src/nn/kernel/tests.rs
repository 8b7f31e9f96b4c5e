//! The kernels against burn's own operations, on the CPU and on a GPU where one can be opened: values and gradients,
//! 1e-5 relative L2 (both sides compute in f32, in another order).

use burn::tensor::activation::{leaky_relu, relu};
use burn::tensor::module::conv3d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};
use futures::executor::block_on;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    AdamW, adamw, add_bias, add_leaky_relu, averages, concat_channels, conv3d_same, depth_to_space, gelu,
    group_norm_relu, instance_norm, layer_norm, linear, mix_channels,
};

mod attention;
mod edges;
mod loss;

/// Runs a test on the CPU, and on a GPU if the tests are built for one and it can be opened.
#[allow(clippy::print_stderr)]
fn on_each_device(test: impl Fn(Device)) {
    test(Device::flex());
    #[cfg(feature = "gpu")]
    match block_on(crate::device::open(crate::device::DeviceKind::Wgpu)) {
        Ok(gpu) => test(gpu.device),
        Err(error) => eprintln!("skipped on a GPU: {error}"),
    }
}

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
            assert_same(&format!("{what}: gradient of the {name} input"), found, expected);
        }
    }
}

/// burn's convolution of the same form as [`conv3d_same`].
fn burns_convolution(x: Tensor<5>, weight: Tensor<5>) -> Tensor<5> {
    let padding = [weight.dims()[2] / 2; 3];
    conv3d(x, weight, None, ConvOptions::new([1; 3], padding, [1; 3], 1))
}

/// A convolution of an input of shape `x` to `output` channels with a cubic kernel, beside burn's.
fn compare_convolution(x: [usize; 5], output: usize, kernel: usize, device: &Device) {
    let inputs = [
        random(x, 1, device),
        random([output, x[1], kernel, kernel, kernel], 2, device),
    ];
    compare(&format!("{x:?} to {output}"), inputs, conv3d_same, burns_convolution);
}

/// Each sample's channel minus its mean, by its deviation.
fn plain_instance_norm(x: Tensor<5>) -> Tensor<5> {
    let shape @ [batch, channels, d, h, w] = x.dims();
    let flat = x.reshape([batch, channels, d * h * w]);
    let centered = flat.clone() - flat.mean_dim(2);
    let variance = centered.clone().powi_scalar(2).mean_dim(2);
    (centered / (variance + 1e-5).sqrt()).reshape(shape)
}

#[test]
fn convolution_equals_burns() {
    on_each_device(|device| {
        let device = device.autodiff();
        // On a CPU eight channels and more use Winograd's method, long planes with fewer the direct one, others are
        // gathered; counts that do not fill a block and a kernel larger than the volume are covered.
        for (x, output, kernel) in [
            ([2, 3, 4, 18, 16], 5, 3),
            ([1, 1, 2, 40, 37], 8, 3),
            ([1, 17, 3, 16, 16], 11, 3),
            ([2, 4, 3, 4, 5], 6, 3),
            ([1, 2, 1, 2, 1], 3, 3),
            ([1, 2, 5, 30, 20], 3, 5),
            ([2, 20, 3, 9, 7], 5, 1),
            ([1, 3, 8, 12, 12], 40, 3),
            ([2, 9, 3, 17, 15], 8, 3),
            ([1, 8, 1, 48, 61], 10, 3),
            ([1, 16, 40, 14, 13], 32, 3),
            ([2, 8, 17, 16, 15], 9, 3),
        ] {
            compare_convolution(x, output, kernel, &device);
        }
    });
}

#[test]
fn mixed_channels_equal_burns_convolution() {
    on_each_device(|device| {
        let device = device.autodiff();
        for (x, output) in [([2, 20, 3, 9, 7], 5), ([1, 3, 2, 2, 2], 40)] {
            let inputs = [random(x, 1, &device), random([x[1], output, 1, 1, 1], 2, &device)];
            let ours = |x, weight: Tensor<5>| {
                let [input, output, ..] = weight.dims();
                mix_channels(x, weight.reshape([input, output]))
            };
            let burns = |x, weight: Tensor<5>| burns_convolution(x, weight.swap_dims(0, 1));
            compare(&format!("{x:?} to {output}"), inputs, ours, burns);
        }
    });
}

#[test]
fn instance_norm_equals_its_formula() {
    on_each_device(|device| {
        let device = device.autodiff();
        for slope in [1.0, 0.01] {
            let shape = [2, 3, 4, 5, 6];
            let inputs = [random(shape, 3, &device) * 3.0 + 2.0, random(shape, 4, &device)];
            let formula = |x, other: Tensor<5>| leaky_relu(plain_instance_norm(x), slope) + other;
            compare(
                &format!("slope {slope}"),
                inputs,
                |x, other| instance_norm(x, slope) + other,
                formula,
            );
        }
    });
}

#[test]
fn group_norm_and_relu_equal_their_formula() {
    on_each_device(|device| {
        let device = device.autodiff();
        // Gain and bias are the rows of the second input.
        let (shape, groups) = ([2, 6, 5, 7, 9], 3);
        let inputs = [
            random(shape, 1, &device) * 3.0 + 2.0,
            random([2, 6, 1, 1, 1], 2, &device),
        ];
        let row = |both: &Tensor<5>, row: usize| both.clone().narrow(0, row, 1);
        let formula = |x: Tensor<5>, both: Tensor<5>| {
            let flat = x.reshape([2, groups, 2 * 5 * 7 * 9]);
            let centered = flat.clone() - flat.mean_dim(2);
            let variance = centered.clone().powi_scalar(2).mean_dim(2);
            let normal = (centered / (variance + 1e-5).sqrt()).reshape(shape);
            relu(normal * row(&both, 0) + row(&both, 1))
        };
        let ours = |x: Tensor<5>, both: Tensor<5>| {
            let [gain, bias] = [0, 1].map(|index| row(&both, index).reshape([6]));
            group_norm_relu(x, gain, bias, groups)
        };
        compare("groups", inputs, ours, formula);
    });
}

#[test]
fn sum_and_leaky_relu_equal_their_formula() {
    on_each_device(|device| {
        let device = device.autodiff();
        // More values than one thread maps at a time.
        let inputs = [1, 2].map(|seed| random([2, 3, 9, 10, 11], seed, &device));
        let formula = |a: Tensor<5>, b: Tensor<5>| leaky_relu(a + b, 0.01);
        compare("sum", inputs, |a, b| add_leaky_relu(a, b, 0.01), formula);
    });
}

/// Channels of one value, of more than a thread or a workgroup adds up, and of few.
#[test]
fn added_biases_equal_burns() {
    on_each_device(|device| {
        let device = device.autodiff();
        for shape in [[2, 300, 1], [150, 3, 1], [2, 3, 9000], [3, 5, 7], [1, 1, 1]] {
            let inputs = [random(shape, 1, &device), random([1, shape[1], 1], 2, &device)];
            let ours = |x, bias: Tensor<3>| add_bias(x, bias.reshape([shape[1]]));
            compare(&format!("{shape:?}"), inputs, ours, |x, bias| x + bias);
        }
    });
}

#[test]
fn concatenated_channels_equal_burns() {
    on_each_device(|device| {
        let device = device.autodiff();
        let inputs = [random([2, 3, 4, 5, 6], 1, &device), random([2, 2, 4, 5, 6], 2, &device)];
        let burns = |a: Tensor<5>, b: Tensor<5>| Tensor::cat(vec![a, b], 1);
        compare("channels", inputs, concat_channels, burns);
    });
}

#[test]
fn depth_to_space_equals_burns() {
    on_each_device(|device| {
        let device = device.autodiff();
        let kernel = [1, 2, 3];
        let inputs = [
            random([2, 4 * 6, 3, 4, 5], 1, &device),
            random([2, 4, 3, 8, 15], 2, &device),
        ];
        let burns = |x: Tensor<5>, other: Tensor<5>| {
            let blocks = x.reshape([2, 4, 1, 2, 3, 3, 4, 5]);
            let y = blocks.permute([0, 1, 5, 2, 6, 3, 7, 4]);
            y.reshape([2, 4, 3, 8, 15]) + other
        };
        let ours = |x: Tensor<5>, other: Tensor<5>| depth_to_space(x, kernel) + other;
        compare("blocks", inputs, ours, burns);
    });
}

#[test]
fn linear_layers_equal_burns() {
    on_each_device(|device| {
        let device = device.autodiff();
        let inputs = [random([37, 20], 1, &device), random([20, 11], 2, &device)];
        let bias = random([11], 3, &device);
        let burns = |x: Tensor<2>, w: Tensor<2>| x.matmul(w) + bias.clone().unsqueeze();
        let ours = |x: Tensor<2>, w: Tensor<2>| linear(x, w, Some(bias.clone()), None);
        compare("with a bias", inputs.clone(), ours, burns);
        // In parts, with something added; `other` has a gradient in place of the weights.
        let (x, weight) = (random([37, 150], 4, &device), random([150, 11], 5, &device));
        let inputs_added = [x, random([37, 11], 6, &device)];
        let burns = |x: Tensor<2>, other: Tensor<2>| x.matmul(weight.clone()) + bias.clone().unsqueeze() + other;
        let ours = |x, other| linear(x, weight.clone(), Some(bias.clone()), Some(other));
        compare("added", inputs_added, ours, burns);
        let burns = |x: Tensor<2>, w: Tensor<2>| x.matmul(w);
        compare("without", inputs, |x, w| linear(x, w, None, None), burns);
    });
}

#[test]
fn the_gradient_of_a_bias_is_the_sum_over_rows() {
    on_each_device(|device| {
        let device = device.autodiff();
        let [x, weight] = [random([37, 20], 1, &device), random([20, 11], 2, &device)];
        let bias = random([11], 3, &device).require_grad();
        let weights = random([37, 11], 4, &device);
        let y = linear(x, weight, Some(bias.clone()), None);
        let gradients = (y * weights.clone()).sum().backward();
        let found = bias.grad(&gradients).expect("it is tracked");
        assert_same("bias", found, weights.inner().sum_dim(0).squeeze());
    });
}

#[test]
fn layer_norm_equals_its_formula() {
    on_each_device(|device| {
        let device = device.autodiff();
        // More values than one thread takes at a time; gain and bias are the rows of the second input.
        let inputs = [random([700, 20], 1, &device) * 3.0 + 2.0, random([2, 20], 2, &device)];
        let row = |both: &Tensor<2>, row: usize| both.clone().narrow(0, row, 1);
        let formula = |x: Tensor<2>, both: Tensor<2>| {
            let centered = x.clone() - x.mean_dim(1);
            let variance = centered.clone().powi_scalar(2).mean_dim(1);
            centered / (variance + 1e-5).sqrt() * row(&both, 0) + row(&both, 1)
        };
        let ours = |x: Tensor<2>, both: Tensor<2>| {
            let [gain, bias] = [0, 1].map(|index| row(&both, index).squeeze());
            layer_norm(x, gain, bias)
        };
        compare("rows", inputs, ours, formula);
    });
}

/// Against PyTorch's formula in f64, on more values than one thread maps at a time.
#[test]
fn adamw_and_the_moving_average_equal_their_formulas() {
    on_each_device(|device| {
        let count = 5000;
        let values = |seed| random([count], seed, &device);
        let (value, gradient, mean) = (values(1), values(2), values(3));
        let square = values(4).powi_scalar(2);
        let numbers = AdamW {
            rate: 0.01,
            decay: 0.1,
            kept: [0.9, 0.999],
            added: [0.1, 0.001],
            corrections: [0.271, 0.002_997],
            epsilon: 1e-8,
        };
        let doubles = |tensor: &Tensor<1>| -> Vec<f64> {
            let data = block_on(tensor.clone().into_data_async()).expect("the cpu answers");
            data.convert::<f64>().try_into_vec().expect("f64")
        };
        let [v, g, m, s] = [&value, &gradient, &mean, &square].map(doubles);
        // Pairs of parameters take a step together; one of them is shorter.
        let parameter = |count| {
            let [v, g, m, s] = [&value, &gradient, &mean, &square].map(|tensor| tensor.clone().narrow(0, 0, count));
            [v, g, Tensor::cat(vec![m, s], 0)]
        };
        // One whose values nobody else holds is changed in place.
        let own = [values(1), values(2), Tensor::cat(vec![mean.clone(), square.clone()], 0)];
        let parameters = [[7, count, count].map(parameter).to_vec(), vec![own]].concat();
        let moved = adamw(parameters, numbers);
        assert!(
            doubles(&value) == v && doubles(&gradient) == g,
            "what others hold has changed"
        );
        let moved: Vec<[Vec<f64>; 2]> = moved.iter().map(|moved| moved.each_ref().map(doubles)).collect();
        assert!(moved.iter().map(|[value, _]| value.len()).eq([7, count, count, count]));
        // Five pairs, so that some are averaged together and some alone, of which the last is shorter.
        let pair = [value.clone(), gradient.clone()];
        let short = pair.clone().map(|tensor| tensor.narrow(0, 0, 7));
        let pairs = [vec![pair; 4], vec![short]].concat();
        let averages: Vec<Vec<f64>> = averages(pairs, 0.75).iter().map(doubles).collect();
        let counts = averages.iter().map(Vec::len);
        assert!(counts.eq([count, count, count, count, 7]));
        for n in 0..count {
            let (m, s) = (0.9 * m[n] + 0.1 * g[n], 0.999 * s[n] + 0.001 * g[n] * g[n]);
            let direction = m / 0.271 / ((s / 0.002_997).sqrt() + 1e-8);
            let expected = v[n] - 0.01 * (direction + 0.1 * v[n]);
            for [moved, moments] in moved.iter().filter(|[moved, _]| n < moved.len()) {
                let (mean, square) = moments.split_at(moved.len());
                assert!((mean[n] - m).abs() < 1e-6 && (square[n] - s).abs() < 1e-6);
                assert!((moved[n] - expected).abs() < 1e-5 * direction.abs().max(1.0));
            }
            for averaged in averages.iter().filter(|averaged| n < averaged.len()) {
                assert!((averaged[n] - 0.75 * v[n] - 0.25 * g[n]).abs() < 1e-6);
            }
        }
    });
}

#[test]
fn gelu_equals_its_formula() {
    on_each_device(|device| {
        let device = device.autodiff();
        let wide = random([40, 150], 1, &device) * 6.0;
        let inputs = [wide, random([40, 150], 2, &device)];
        // On a GPU burn's own gradient is that of an approximation.
        let formula = |x: Tensor<2>, other: Tensor<2>| {
            let share = (x.clone() * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0;
            x * share * 0.5 * other
        };
        compare("gelu", inputs, |x, other| gelu(x) * other, formula);
    });
}
