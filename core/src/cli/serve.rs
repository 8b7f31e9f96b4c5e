//! `core serve`.

use std::net::{SocketAddr, TcpListener};

use clap::Args;
use futures::executor::block_on;
use rand::TryRngCore;
use rand::rngs::OsRng;

use super::console::Console;
use super::{Failure, Outcome};
use crate::device::{self, DeviceKind, TOKEN_VARIABLE};

#[derive(Args)]
pub(super) struct Arguments {
    /// Devices to offer, all of one kind: cpu, wgpu, cuda or cuda:N, with commas between several.
    #[arg(long, default_value = "cpu", value_delimiter = ',')]
    device: Vec<DeviceKind>,
    /// Address and port to listen on. Traffic is not encrypted, so beyond this machine use a network that you trust, or
    /// a tunnel.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
}

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let opened = block_on(device::open_all(arguments.device))?;
    let listener = TcpListener::bind(arguments.listen).map_err(|error| {
        Failure::Message(format!(
            "{} cannot be listened on ({error}); choose another with --listen",
            arguments.listen
        ))
    })?;
    let address = listener.local_addr().unwrap_or(arguments.listen);
    let (token, origin) = match std::env::var(TOKEN_VARIABLE) {
        Ok(token) if !token.is_empty() => (token, "the one set here"),
        _ => (new_token()?, "new, for this time only"),
    };
    for device in &opened {
        console.say(format!("offering {}", device.description));
    }
    if !address.ip().is_loopback() {
        console.warn("scans are sent unencrypted: use a network that you trust".to_owned());
    }
    console.say(format!("{TOKEN_VARIABLE}={token} ({origin})"));
    console.say(format!("use it with --device ws://{address}; Ctrl-C ends it"));
    let devices = opened.into_iter().map(|device| device.device).collect();
    Ok(device::serve(devices, listener, &token)?)
}

/// 128 random bits in hexadecimal.
fn new_token() -> Result<String, Failure> {
    let mut bits = [0; 16];
    OsRng
        .try_fill_bytes(&mut bits)
        .map_err(|error| Failure::Message(format!("no token can be drawn ({error}); set {TOKEN_VARIABLE}")))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bits)))
}
