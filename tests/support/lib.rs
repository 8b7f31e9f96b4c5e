//! Shared by the tests: reference tensors, devices to test on, comparisons with a tolerance.

mod checkpoint;
mod compare;
mod fixture;
mod network;
mod volume;

use burn::tensor::Device;
#[cfg(feature = "wgpu")]
use futures::executor::block_on;

pub use checkpoint::Saved;
pub use compare::{
    SIGN_FLIPS, assert_gradient, assert_gradients, assert_plane_sums, assert_within, largest_difference, relative_l2,
    strided, values,
};
pub use fixture::{Fixture, Named, procedural, reference};
pub use network::{collected_gradients, gradients, load_reference, parameters};
pub use volume::ramp;

/// A device to test on, with the tolerance that goes with it.
pub struct TestDevice {
    /// For messages.
    pub name: String,
    /// The device, without autodiff.
    pub device: Device,
    /// Largest allowed difference of a logit (absolute).
    pub logits: f64,
    /// Factor on a gradient's tolerance.
    pub gradients: f64,
}

/// The CPU, and the GPU if the tests are built for one and it can be opened.
pub fn devices() -> Vec<TestDevice> {
    let mut devices = vec![cpu()];
    devices.extend(gpu());
    devices
}

/// The CPU, and with `MEDCONTEXT_GPU=all` the GPU: for networks that keep a software driver busy for
/// many minutes. The browser tests see their logits on WebGPU in any case.
pub fn devices_for_large_networks() -> Vec<TestDevice> {
    if std::env::var("MEDCONTEXT_GPU").is_ok_and(|which| which == "all") {
        return devices();
    }
    announce("skipped on wgpu, where it takes long: set MEDCONTEXT_GPU=all");
    vec![cpu()]
}

/// The CPU.
pub fn cpu() -> TestDevice {
    TestDevice {
        name: "cpu".to_owned(),
        device: Device::flex(),
        logits: 5e-5,
        gradients: 1.0,
    }
}

#[cfg(feature = "wgpu")]
fn gpu() -> Option<TestDevice> {
    let wgpu = medcontext_core::device::DeviceKind::Wgpu;
    match block_on(medcontext_core::device::open(wgpu)) {
        Ok(gpu) => Some(TestDevice {
            name: gpu.description,
            device: gpu.device,
            logits: 1e-3,
            gradients: 10.0,
        }),
        Err(error) => {
            announce(&format!("skipped on wgpu: {error}"));
            None
        }
    }
}

#[cfg(not(feature = "wgpu"))]
fn gpu() -> Option<TestDevice> {
    None
}

/// The `core` binary beside this test's own program.
///
/// # Panics
/// When it has not been built: `cargo build -p medcontext-core` does.
pub fn core_binary() -> std::path::PathBuf {
    let program = std::env::current_exe().expect("a program knows where it is");
    let folder = program.ancestors().nth(2).expect("target/debug/deps holds the tests");
    let binary = folder.join(format!("core{}", std::env::consts::EXE_SUFFIX));
    assert!(binary.exists(), "build it first: cargo build -p medcontext-core");
    binary
}

/// Prints a note beside the test's result, such as why it was skipped.
#[allow(clippy::print_stderr)]
pub fn announce(message: &str) {
    eprintln!("{message}");
}
