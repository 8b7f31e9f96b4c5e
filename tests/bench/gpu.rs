//! Operations on a GPU: this project's kernels, and burn's general form of the same. `tests/peers/tfjs` has them in
//! TensorFlow.js, under the same names.

use burn::tensor::module::conv3d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor};
use futures::executor::block_on;
use medcontext_core::device::{DeviceKind, open};
use medcontext_core::nn::{Conv3d, Init, linear, project};

use crate::measure::{Bench, random};

/// Channels and sides of convolutions, with a kernel of 3×3×3.
const CONVOLUTIONS: [(usize, usize); 4] = [(16, 32), (32, 16), (64, 8), (128, 12)];

/// Rows, terms and columns of a linear layer.
const LINEAR: [usize; 3] = [216, 768, 3072];

/// Measures them on this device, and its rates of products and copies.
pub fn run(bench: &Bench, kind: DeviceKind) {
    let device = match block_on(open(kind)) {
        Ok(opened) => opened.device,
        Err(error) => panic!("{error}"),
    };
    for (channels, side) in CONVOLUTIONS {
        let name = format!("conv {channels}→{channels} {side}³");
        let (x, w) = ([1, channels, side, side, side], [channels, channels, 3, 3, 3]);
        let conv = |device: &Device| Conv3d::new(channels, channels, 3, false, &mut Init::new(0, device));
        pair(bench, &device, &name, x, |device| {
            let conv = conv(device);
            move |x| conv.forward(x)
        });
        pair(bench, &device, &format!("general {name}"), x, |device| {
            let w = parameter(w, device);
            move |x| conv3d(x, w.clone(), None, ConvOptions::new([1; 3], [1; 3], [1; 3], 1))
        });
    }
    let [rows, terms, columns] = LINEAR;
    let name = format!("linear {rows}×{terms}→{columns}");
    pair(bench, &device, &name, [rows, terms], |device| {
        let layer = linear(terms, columns, true, &mut Init::new(0, device));
        move |x| project(&layer, x)
    });
    pair(bench, &device, &format!("general {name}"), [rows, terms], |device| {
        let w = parameter([terms, columns], device);
        move |x: Tensor<2>| x.matmul(w.clone())
    });
    rates(bench, &device);
}

/// What the device reaches: a matrix product of 512³ multiply-adds, and a copy of 2²⁴ numbers.
fn rates(bench: &Bench, device: &Device) {
    let square = random([512, 512], device);
    let layer = linear(512, 512, false, &mut Init::new(0, device));
    bench.time("rate product 512³", || wait(project(&layer, square.clone())));
    let long = random([1 << 24], device);
    bench.time("rate copy 64 MiB", || wait(long.clone() + 1.0));
}

/// Times a layer forward, and with the gradients of its input and parameters.
fn pair<const D: usize, const E: usize, F: Fn(Tensor<D>) -> Tensor<E>>(
    bench: &Bench,
    device: &Device,
    name: &str,
    shape: [usize; D],
    build: impl Fn(&Device) -> F,
) {
    if !bench.wants(name) {
        return;
    }
    let x = random(shape, device);
    let plain = build(device);
    bench.time(&format!("{name} forward"), || wait(plain(x.clone())));
    let tracking = build(&device.clone().autodiff());
    bench.time(&format!("{name} both"), || {
        let x = Tensor::from_inner(x.clone()).require_grad();
        let gradients = tracking(x.clone()).sum().backward();
        let gradient = x.grad(&gradients);
        wait(gradient.unwrap_or_else(|| panic!("{name}: no gradient")));
    });
}

/// Weights of the general forms, which track gradients on a device that does.
fn parameter<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    let values = random(shape, &device.clone().inner());
    match device.is_autodiff() {
        true => Tensor::from_inner(values).require_grad(),
        false => values,
    }
}

/// Waits until a tensor was computed, by reading its sum.
fn wait<const D: usize>(tensor: Tensor<D>) {
    let sum = block_on(tensor.sum().into_data_async()).expect("the device answers");
    assert!(sum.as_slice::<f32>().expect("f32")[0].is_finite());
}
