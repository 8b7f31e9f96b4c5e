//! Single operations, in the shapes of networks of paper size.

use burn::tensor::{Device, Tensor};
use medcontext_core::loss::{DiceCe, Loss, Target};
use medcontext_core::nn::{
    Conv3d, Init, TransposedConv3d, add_leaky_relu, attention, concat_channels, gelu, instance_norm, layer_norm,
    linear, normalized, project,
};

use crate::measure::{Bench, random};

/// Measures all of them.
pub fn run(bench: &mut Bench) {
    let device = Device::flex();
    for (channels, side) in [(16, 96), (32, 48), (128, 12)] {
        let name = format!("conv3d {channels}→{channels} {side}³");
        layer(bench, &name, [1, channels, side, side, side], |device| {
            let conv = Conv3d::new(channels, channels, 3, false, &mut Init::new(0, device));
            move |x| conv.forward(x)
        });
    }
    layer(bench, "up 32→16 48³", [1, 32, 48, 48, 48], |device| {
        let up = TransposedConv3d::double(32, 16, &mut Init::new(0, device));
        move |x| up.forward(x)
    });
    layer(bench, "layer norm 216×768", [216, 768], |device| {
        let norm = layer_norm(768, &Init::new(0, device));
        move |x| normalized(&norm, x)
    });
    layer(bench, "linear 216×768→3072", [216, 768], |device| {
        let layer = linear(768, 3072, true, &mut Init::new(0, device));
        move |x| project(&layer, x)
    });
    loss(bench);

    let volume = || random([1, 16, 96, 96, 96], &device);
    if bench.wants("instance norm") {
        bench.operation("instance norm 16×96³", &[volume()], |x| instance_norm(x[0].clone()));
    }
    type Pair = fn(Tensor<5>, Tensor<5>) -> Tensor<5>;
    let pairs: [(&str, Pair); 2] = [
        ("sum and leaky relu 16×96³", |a, b| add_leaky_relu(a, b, 0.01)),
        ("concatenation 2×16×96³", concat_channels),
    ];
    for (name, function) in pairs.into_iter().filter(|(name, _)| bench.wants(name)) {
        bench.operation(name, &[volume(), volume()], |x| function(x[0].clone(), x[1].clone()));
    }
    let tokens = random([216, 3072], &device);
    bench.operation("gelu 216×3072", &[tokens], |x| gelu(x[0].clone()));
    // 12 heads of 64 channels, in one tensor with keys and values.
    let tokens = random([1, 216, 3 * 768], &device);
    bench.operation("attention 12×216×64", &[tokens], |x| {
        attention(x[0].clone(), None, 12, None, None)
    });
}

/// A layer with its parameters: forward without a graph, then with the gradients of input and parameters.
pub fn layer<const D: usize, const E: usize, F: Fn(Tensor<D>) -> Tensor<E>>(
    bench: &Bench,
    name: &str,
    shape: [usize; D],
    build: impl Fn(&Device) -> F,
) {
    if !bench.wants(name) {
        return;
    }
    let device = Device::flex();
    let x = random(shape, &device);
    let plain = build(&device);
    bench.time(&format!("{name} forward"), || {
        plain(x.clone());
    });
    let tracking = build(&device.autodiff());
    bench.time(&format!("{name} both"), || {
        let x = Tensor::from_inner(x.clone()).require_grad();
        let gradients = tracking(x.clone()).sum().backward();
        assert!(x.grad(&gradients).is_some(), "{name}: no gradient");
    });
}

/// Dice and cross entropy of 14 classes with the softmax, from labels that are already on the device.
fn loss(bench: &Bench) {
    let name = "DiceCE 14×96³";
    if !bench.wants(name) {
        return;
    }
    let device = Device::flex();
    let labels: Vec<u8> = (0..96usize.pow(3)).map(|voxel| (voxel % 14) as u8).collect();
    let logits = random([1, 14, 96, 96, 96], &device);
    let target = |device: &Device| Target::new(labels.clone(), 1, 14, device);
    let (plain, tracking) = (target(&device), target(&device.clone().autodiff()));
    let loss = DiceCe::default();
    bench.time(&format!("{name} forward"), || {
        loss.forward(logits.clone(), &plain);
    });
    bench.time(&format!("{name} both"), || {
        let logits = Tensor::from_inner(logits.clone()).require_grad();
        let gradients = loss.forward(logits.clone(), &tracking).backward();
        assert!(logits.grad(&gradients).is_some(), "{name}: no gradient");
    });
}
