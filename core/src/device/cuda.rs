//! NVIDIA GPUs. burn loads CUDA when the first tensor is made, and panics where a part of it is
//! missing, so every part is looked for here first.

// Looking for a library loads it, and thus runs its code.
#![allow(unsafe_code)]

use burn::tensor::Device;
use cubecl_cuda::install::cuda_path;
use cudarc::driver::result::{self, DriverError};
use cudarc::{driver, nvrtc};

use super::DeviceKind;
use crate::{Error, Result};

/// Opens the GPU with this index and returns its name.
pub(super) fn open(index: usize) -> Result<(Device, String)> {
    let refused = |missing: Missing| Error::Device {
        kind: DeviceKind::Cuda(index).to_string(),
        problem: missing.to_string(),
        remedy: format!("{}, or use the cpu", missing.remedy()),
    };
    let name = find(index).map_err(refused)?;
    Ok((Device::cuda(index), name))
}

/// What a machine lacks.
#[derive(Debug, thiserror::Error)]
enum Missing {
    #[error("this machine has no CUDA driver")]
    Driver,
    #[error("the CUDA driver failed ({0})")]
    Failed(String),
    #[error("no NVIDIA GPU has this index, of {0} in all")]
    Gpu(usize),
    #[error("this machine has no NVRTC, the compiler of CUDA")]
    Compiler,
    #[error("the header files of CUDA are not where CUDA_PATH says, nor where it is usually installed")]
    Headers,
}

impl Missing {
    fn remedy(&self) -> &'static str {
        match self {
            Self::Driver | Self::Failed(_) => "install or update NVIDIA's driver",
            Self::Gpu(0) => "look for the GPU with nvidia-smi",
            Self::Gpu(_) => "choose another index",
            Self::Compiler => "install the CUDA toolkit",
            Self::Headers => "set CUDA_PATH to the folder of the CUDA toolkit",
        }
    }
}

impl From<DriverError> for Missing {
    fn from(error: DriverError) -> Self {
        match error.error_string() {
            Ok(text) => Self::Failed(text.to_string_lossy().into_owned()),
            Err(_) => Self::Failed(format!("{:?}", error.0)),
        }
    }
}

/// The GPU's name, if everything needed to compute on it is present.
fn find(index: usize) -> Result<String, Missing> {
    // SAFETY: this loads NVIDIA's driver library by its usual names, as every CUDA program does.
    if !unsafe { driver::sys::is_culib_present() } {
        return Err(Missing::Driver);
    }
    result::init()?;
    let count = usize::try_from(result::device::get_count()?).unwrap_or(0);
    let ordinal = i32::try_from(index).map_err(|_| Missing::Gpu(count))?;
    if index >= count {
        return Err(Missing::Gpu(count));
    }
    let name = result::device::get_name(result::device::get(ordinal)?)?;
    // SAFETY: the same, for the library of CUDA's compiler.
    if !unsafe { nvrtc::sys::is_culib_present() } {
        return Err(Missing::Compiler);
    }
    // Kernels include some of these headers; the folder alone may belong to another installation.
    let headers = cuda_path().map(|folder| folder.join("include/cuda_fp16.h"));
    if !headers.is_some_and(|header| header.is_file()) {
        return Err(Missing::Headers);
    }
    Ok(name)
}
