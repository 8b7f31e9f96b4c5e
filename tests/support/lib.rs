//! What the tests share: reference tensors, devices to test on, comparisons with a tolerance.

mod compare;
mod fixture;
mod network;

use burn::tensor::Device;
use futures::executor::block_on;

pub use compare::{
    SIGN_FLIPS, assert_gradient, assert_gradients, assert_plane_sums, assert_within,
    largest_difference, relative_l2, strided, values,
};
pub use fixture::{Fixture, Named, procedural};
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

/// The CPU, and the GPU where the tests are built for one and it can be opened. Setting
/// `MEDCONTEXT_CPU_ONLY` leaves it out.
pub fn devices() -> Vec<TestDevice> {
    let mut devices = vec![TestDevice {
        name: "cpu".to_owned(),
        device: Device::flex(),
        logits: 5e-5,
        gradients: 1.0,
    }];
    #[cfg(feature = "wgpu")]
    if std::env::var_os("MEDCONTEXT_CPU_ONLY").is_some() {
        announce("skipped on wgpu: MEDCONTEXT_CPU_ONLY is set");
        return devices;
    }
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
