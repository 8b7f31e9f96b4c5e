//! The names of devices.

use std::fmt;
use std::str::FromStr;

/// The kinds of device that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// The CPU.
    Cpu,
    /// A GPU through WebGPU: natively via Vulkan, Metal or DX12, in a browser via its own API.
    Wgpu,
    /// The NVIDIA GPU of this index.
    Cuda(usize),
    /// A device of the `core serve` at this address, `ws://host:port`.
    Remote(String),
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.pad("cpu"),
            Self::Wgpu => f.pad("wgpu"),
            Self::Cuda(index) => f.pad(&format!("cuda:{index}")),
            Self::Remote(url) => f.pad(url),
        }
    }
}

impl FromStr for DeviceKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let unknown = || format!("there is no device {name:?}: choose cpu, wgpu, cuda, cuda:N or ws://host:port");
        match name.split_once(':') {
            None if name == "cpu" => Ok(Self::Cpu),
            None if name == "wgpu" => Ok(Self::Wgpu),
            None if name == "cuda" => Ok(Self::Cuda(0)),
            Some(("ws", address)) if address.len() > 2 && address.starts_with("//") => {
                Ok(Self::Remote(name.to_owned()))
            }
            Some(("cuda", index)) => index.parse().map(Self::Cuda).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }
}
