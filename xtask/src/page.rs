//! Building and serving the page with Trunk.

use std::net::TcpListener;

use anyhow::{Context, Result};

use crate::tools;
use crate::workspace::{Workspace, run};

#[derive(clap::Args)]
pub struct ServeArguments {
    /// Port to serve on; the first free one from 8080 if not given
    #[arg(long)]
    port: Option<u16>,
    /// Do not open a browser
    #[arg(long)]
    no_open: bool,
}

/// Builds the page into dist/.
pub fn build(workspace: &Workspace) -> Result<()> {
    tools::ensure_all(workspace)?;
    println!("Building the page (the first time compiles everything: some minutes)");
    run(workspace.command("trunk").arg("build"))?;
    println!("The page is in {}", workspace.root.join("dist").display());
    Ok(())
}

/// Builds the page, serves it on this machine only, and opens it.
pub fn serve(workspace: &Workspace, arguments: &ServeArguments) -> Result<()> {
    tools::ensure_all(workspace)?;
    let port = match arguments.port {
        Some(port) => port,
        None => {
            free_port().context("no port between 8080 and 8179 is free: choose one with --port")?
        }
    };
    println!(
        "Building the page (the first time compiles everything: some minutes), then serving it on http://localhost:{port}"
    );
    let mut command = workspace.command("trunk");
    command.args(["serve", "--port", &port.to_string()]);
    if !arguments.no_open {
        command.arg("--open");
    }
    run(&mut command)
}

fn free_port() -> Option<u16> {
    (8080..8180).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
}
