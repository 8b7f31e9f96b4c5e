//! What the tests share: reference tensors, devices to test on, comparisons with a tolerance.

mod fixture;
mod network;

use burn::tensor::{Device, Tensor};
use futures::executor::block_on;

pub use fixture::{Fixture, procedural};
pub use network::{gradients, load_reference, parameters};

/// A device to test on, with the tolerance that goes with it.
pub struct TestDevice {
    /// For messages.
    pub name: String,
    /// The device, without autodiff.
    pub device: Device,
    /// Largest allowed difference of a logit (absolute).
    pub logits: f64,
    /// What a gradient's tolerance is multiplied by.
    pub gradients: f64,
}

/// The CPU, and the GPU where the tests are built for one and it can be opened.
pub fn devices() -> Vec<TestDevice> {
    let mut devices = vec![TestDevice {
        name: "cpu".to_owned(),
        device: Device::flex(),
        logits: 5e-5,
        gradients: 1.0,
    }];
    #[cfg(feature = "wgpu")]
    match block_on(medcontext_core::device::open(
        medcontext_core::device::DeviceKind::Wgpu,
    )) {
        Ok(gpu) => devices.push(TestDevice {
            name: gpu.description,
            device: gpu.device,
            logits: 1e-3,
            gradients: 10.0,
        }),
        Err(error) => announce(&format!("skipped on wgpu: {error}")),
    }
    devices
}

/// The `core` binary beside this test's own program.
///
/// # Panics
/// When it has not been built: `cargo build -p medcontext-core` does.
pub fn core_binary() -> std::path::PathBuf {
    let program = std::env::current_exe().expect("a program knows where it is");
    let folder = program
        .ancestors()
        .nth(2)
        .expect("target/debug/deps holds the tests");
    let binary = folder.join(format!("core{}", std::env::consts::EXE_SUFFIX));
    assert!(
        binary.exists(),
        "build it first: cargo build -p medcontext-core"
    );
    binary
}

/// Says something beside the test's result, such as why it was skipped.
#[allow(clippy::print_stderr)]
pub fn announce(message: &str) {
    eprintln!("{message}");
}

/// All values of a tensor.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = block_on(tensor.into_data_async()).expect("the device answers");
    data.convert::<f32>()
        .try_into_vec()
        .expect("values are f32")
}

/// Largest absolute difference.
pub fn largest_difference(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len(), "sizes differ");
    let pairs = found.iter().zip(expected);
    pairs
        .map(|(a, b)| f64::from((a - b).abs()))
        .fold(
            0.0,
            |worst, d| if d > worst || d.is_nan() { d } else { worst },
        )
}

/// ‖found − expected‖ / ‖expected‖.
pub fn relative_l2(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len(), "sizes differ");
    let square = |v: f32| f64::from(v) * f64::from(v);
    let error: f64 = found.iter().zip(expected).map(|(a, b)| square(a - b)).sum();
    let norm: f64 = expected.iter().map(|&v| square(v)).sum();
    (error / norm.max(1e-30)).sqrt()
}

/// Fails unless `found` is within `tolerance` of `expected` everywhere.
pub fn assert_within(what: &str, found: &[f32], expected: &[f32], tolerance: f64) {
    let difference = largest_difference(found, expected);
    assert!(
        difference <= tolerance,
        "{what}: differs by {difference:e}, allowed {tolerance:e}"
    );
}

/// Fails unless `found` is within `tolerance` of `expected` in relative L2 norm.
pub fn assert_gradient(what: &str, found: &[f32], expected: &[f32], tolerance: f64) {
    let difference = relative_l2(found, expected);
    assert!(
        difference <= tolerance,
        "{what}: relative L2 {difference:e}, allowed {tolerance:e}"
    );
}
