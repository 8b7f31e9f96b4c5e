//! A device of another machine: this machine sends tensors and operations over a WebSocket, the other one computes. The
//! protocol and the transport are burn's.

use std::net::TcpListener;

use burn::remote::{ConnectError, RemoteHost};
use burn::server::{RemoteServer, ServeError, TokenAuthorizer, WebSocketTransport};
use burn::tensor::Device;

use crate::{Error, Result};

/// The environment variable with the shared secret.
pub const TOKEN_VARIABLE: &str = "MEDCONTEXT_TOKEN";

/// Opens the first device that the server at `url` offers (`ws://host:port`), with the token of
/// [`TOKEN_VARIABLE`].
pub(super) async fn open(url: &str) -> Result<(Device, String)> {
    let token = std::env::var(TOKEN_VARIABLE).unwrap_or_default();
    Ok((connect(url, &token).await?, format!("a device of {url}")))
}

async fn connect(url: &str, token: &str) -> Result<Device> {
    let host = RemoteHost::websocket(url).with_credential(token);
    let device = Device::remote_options(&host).init_async().await;
    device.map_err(|error| Error::Device {
        kind: url.to_owned(),
        remedy: match error {
            ConnectError::Unauthorized => {
                format!("set {TOKEN_VARIABLE} to the token that the server told")
            }
            ConnectError::IncompatibleProtocol { .. } => "use the same version of core on both machines".to_owned(),
            _ => "see that `core serve` runs there and can be reached from here".to_owned(),
        },
        problem: error.to_string(),
    })
}

/// Offers devices to clients that connect to `listener` and present `token`, until the process is stopped. Traffic is
/// not encrypted.
///
/// # Errors
/// [`Error::Device`] when the token is empty, the devices are of several kinds, or the network fails.
pub fn serve(devices: Vec<Device>, listener: TcpListener, token: &str) -> Result<()> {
    let refused = |problem: String, remedy: &str| Error::Device {
        kind: "serve".to_owned(),
        problem,
        remedy: remedy.to_owned(),
    };
    let authorizer =
        TokenAuthorizer::new(token).map_err(|error| refused(error.to_string(), "give a token of some length"))?;
    let server = RemoteServer::new(devices).with_authorizer(authorizer);
    let served = server.serve(WebSocketTransport::from_listener(listener));
    served.map_err(|error| {
        let remedy = match error {
            ServeError::MixedBackends => "offer devices of one kind",
            _ => "look for another address, or for what ended the connection",
        };
        refused(error.to_string(), remedy)
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use burn::tensor::Device;
    use futures::executor::block_on;

    use super::{connect, serve};
    use crate::device::comparison::Learned;

    /// Serves this process's CPU on a free port.
    fn server() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("ws://{}", listener.local_addr().expect("an address"));
        thread::spawn(move || serve(vec![Device::flex()], listener, "secret"));
        url
    }

    // Compares the generic operations, which a remote device uses, with the CPU's own.
    #[test]
    fn a_network_computes_and_learns_on_another_device_as_here() {
        let url = server();
        let remote = block_on(connect(&url, "secret")).expect("a session");
        Learned::on(&remote).assert_like(&Learned::on(&Device::flex()));
    }

    #[test]
    fn a_wrong_token_and_a_server_that_is_not_there_are_told() {
        let error = block_on(connect(&server(), "guess")).expect_err("refused");
        assert!(error.to_string().contains("MEDCONTEXT_TOKEN"), "{error}");
        let error = block_on(connect("ws://127.0.0.1:1", "secret")).expect_err("refused");
        assert!(error.to_string().contains("core serve"), "{error}");
    }
}
