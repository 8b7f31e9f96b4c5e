//! Devices on which tensors are stored and computed.

use burn::tensor::Device;

use crate::{Error, Result};

#[cfg(all(test, feature = "flex"))]
mod comparison;
#[cfg(feature = "cuda")]
mod cuda;
mod kind;
mod memory;
#[cfg(feature = "remote")]
mod remote;

pub use kind::DeviceKind;
pub use memory::{available_memory, keep_freed_memory};
#[cfg(feature = "remote")]
pub use remote::{TOKEN_VARIABLE, serve};

/// A device that is ready.
#[derive(Clone, Debug)]
pub struct ComputeDevice {
    /// What it is.
    pub kind: DeviceKind,
    /// The handle for creating tensors. It does not track gradients.
    pub device: Device,
    /// Human-readable name: the adapter's, or the CPU's number of threads.
    pub description: String,
    /// Size of the largest tensor in bytes; `None` where only memory sets a limit.
    pub largest_tensor: Option<u64>,
}

/// Opens a device.
///
/// # Errors
/// [`Error::Device`] when this build or this machine does not have it.
pub async fn open(kind: DeviceKind) -> Result<ComputeDevice> {
    let mut largest_tensor = None;
    let (device, description) = match &kind {
        DeviceKind::Cpu => cpu()?,
        DeviceKind::Wgpu => {
            let (device, name, limit) = wgpu().await?;
            largest_tensor = Some(limit);
            (device, name)
        }
        #[cfg(feature = "cuda")]
        DeviceKind::Cuda(index) => cuda::open(*index)?,
        #[cfg(not(feature = "cuda"))]
        DeviceKind::Cuda(_) => missing_feature(&kind, "cuda")?,
        #[cfg(feature = "remote")]
        DeviceKind::Remote(url) => remote::open(url).await?,
        #[cfg(not(feature = "remote"))]
        DeviceKind::Remote(_) => missing_feature(&kind, "remote")?,
    };
    Ok(ComputeDevice {
        kind,
        device,
        description,
        largest_tensor,
    })
}

/// Opens several devices, in order.
///
/// # Errors
/// As [`open`], for the first that is not available.
pub async fn open_all(kinds: Vec<DeviceKind>) -> Result<Vec<ComputeDevice>> {
    let mut opened = Vec::with_capacity(kinds.len());
    for kind in kinds {
        opened.push(open(kind).await?);
    }
    Ok(opened)
}

/// Makes the calling thread a worker of the CPU's thread pool: handing work over and back takes some 5 % of a training
/// step. Call once, before any computation, in a program in which no other thread computes: others would wait while
/// this one is busy elsewhere.
pub fn compute_on_this_thread() {
    #[cfg(feature = "threads")]
    {
        let pool = rayon::ThreadPoolBuilder::new().use_current_thread();
        // If something computed before, the pool exists already and stays as it is.
        let _ = pool.build_global();
    }
}

/// Threads that compute on the CPU.
pub fn threads() -> usize {
    #[cfg(feature = "threads")]
    let threads = rayon::current_num_threads();
    #[cfg(not(feature = "threads"))]
    let threads = 1;
    threads
}

#[cfg(feature = "flex")]
fn cpu() -> Result<(Device, String)> {
    let threads = threads();
    let plural = if threads == 1 { "" } else { "s" };
    Ok((Device::flex(), format!("CPU, {threads} thread{plural}")))
}

#[cfg(not(feature = "flex"))]
fn cpu() -> Result<(Device, String)> {
    missing_feature(&DeviceKind::Cpu, "flex")
}

#[cfg(feature = "wgpu")]
async fn wgpu() -> Result<(Device, String, u64)> {
    use std::sync::LazyLock;

    use cubecl::wgpu::wgpu;
    use futures::lock::Mutex;

    // The runtime is set up once per process; later calls return the same device.
    static READY: LazyLock<Mutex<Option<(Device, String, u64)>>> = LazyLock::new(Mutex::default);
    let mut ready = READY.lock().await;
    if let Some(ready) = &*ready {
        return Ok(ready.clone());
    }
    let (device, setup) = Device::wgpu_options()
        .init_with_setup_async()
        .await
        .map_err(|error| Error::Device {
            kind: DeviceKind::Wgpu.to_string(),
            problem: error.to_string(),
            remedy: "update the graphics driver or the browser, or use the cpu".to_owned(),
        })?;
    let info = setup.adapter.get_info();
    if info.backend == wgpu::Backend::Gl && info.device_type == wgpu::DeviceType::Cpu {
        return Err(Error::Device {
            kind: DeviceKind::Wgpu.to_string(),
            problem: format!("{}, OpenGL by software, computes wrong gradients", info.name),
            remedy: "install a Vulkan driver and its loader (libvulkan1 on Debian), or use the cpu".to_owned(),
        });
    }
    let (name, largest) = describe(&setup);
    Ok(ready.insert((device, name, largest)).clone())
}

/// Name of a GPU, and size of its largest tensor in bytes.
#[cfg(feature = "wgpu")]
fn describe(setup: &burn_wgpu::WgpuSetup) -> (String, u64) {
    let info = setup.adapter.get_info();
    let name = match (info.name.is_empty(), info.driver.is_empty()) {
        (false, _) => info.name,
        (true, false) => info.driver,
        (true, true) => "GPU".to_owned(),
    };
    // A tensor is one binding of one buffer.
    let limits = setup.device.limits();
    let largest = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
    (name, largest)
}

#[cfg(not(feature = "wgpu"))]
async fn wgpu() -> Result<(Device, String, u64)> {
    missing_feature(&DeviceKind::Wgpu, "wgpu").map(|(device, name)| (device, name, 0))
}

#[allow(dead_code)]
fn missing_feature(kind: &DeviceKind, feature: &str) -> Result<(Device, String)> {
    Err(Error::Device {
        kind: kind.to_string(),
        problem: "this program was built without it".to_owned(),
        remedy: format!("build it with `--features {feature}`, or use the cpu"),
    })
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::{DeviceKind, open};

    #[test]
    fn names_are_read_back() {
        let remote = DeviceKind::Remote("ws://gpu:3000".to_owned());
        for kind in [DeviceKind::Cpu, DeviceKind::Wgpu, DeviceKind::Cuda(3), remote] {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert_eq!("cuda".parse(), Ok(DeviceKind::Cuda(0)));
        assert!("cuda:x".parse::<DeviceKind>().is_err());
        assert!("ws://".parse::<DeviceKind>().is_err());
        assert_eq!(format!("{:<6}|", DeviceKind::Cpu), "cpu   |");
    }

    // No machine has a GPU of this number, so this is an error everywhere, and never a panic.
    #[test]
    fn a_gpu_that_is_not_there_is_an_error() {
        let error = open_error(DeviceKind::Cuda(999));
        let reasons = if cfg!(feature = "cuda") {
            ["no CUDA driver", "NVIDIA GPU", "the CUDA driver failed"].as_slice()
        } else {
            &["built without it"]
        };
        assert!(reasons.iter().any(|part| error.contains(part)), "{error}");
        assert!(error.contains("cuda"), "{error}");
    }

    fn open_error(kind: DeviceKind) -> String {
        match block_on(open(kind)) {
            Ok(device) => panic!("{} was opened", device.description),
            Err(error) => error.to_string(),
        }
    }
}
