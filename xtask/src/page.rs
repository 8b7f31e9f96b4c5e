//! Building and serving the page with Trunk.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command};

use anyhow::{Context, Result, ensure};

use crate::tools;
use crate::workspace::{Workspace, linted, run};

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

/// A page build in the background. Much of a build uses only one core, so two concurrent builds finish sooner than one
/// after the other.
pub struct Building {
    child: Child,
    log: PathBuf,
}

impl Building {
    /// Starts `cargo xtask build`, with Clippy; its output is held back until it has ended.
    pub fn start(workspace: &Workspace) -> Result<Self> {
        fs::create_dir_all(&workspace.target)?;
        let log = workspace.target.join("page.log");
        let file = File::create(&log)?;
        let child = linted(&mut Command::new(std::env::current_exe()?))
            .arg("build")
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()?;
        Ok(Self { child, log })
    }

    /// Waits for the end and prints what the build printed.
    pub fn finish(&mut self) -> Result<()> {
        let status = self.child.wait()?;
        print!("{}", fs::read_to_string(&self.log)?);
        ensure!(status.success(), "the page could not be built ({status})");
        Ok(())
    }
}

/// Builds the page, serves it on this machine only, and opens it.
pub fn serve(workspace: &Workspace, arguments: &ServeArguments) -> Result<()> {
    tools::ensure_all(workspace)?;
    let port = match arguments.port {
        Some(port) => port,
        None => free_port().context("no port between 8080 and 8179 is free: choose one with --port")?,
    };
    println!(
        "Building the page (the first time compiles everything: some minutes), then serving it on \
         http://localhost:{port}"
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
