//! Packs what `tests/gpu/check.sh` needs on a machine with a graphics card and without a network.

use std::fs;

use anyhow::{Context, Result};

use crate::workspace::{Workspace, run};

/// What lies beside `core` in the bundle.
const FILES: [&str; 2] = ["check.sh", "torch_step.py"];

/// The name of the bundle's folder.
const NAME: &str = "medcontext-gpu-check";

/// Builds `core` for CUDA and for any GPU, and packs it with the check.
pub fn bundle(workspace: &Workspace) -> Result<()> {
    println!("Building core with CUDA and wgpu (the first time compiles everything: half an hour on two cores)");
    let build = "build --release --locked --package medcontext-core --features cuda,wgpu,threads";
    run(workspace.cargo().args(build.split(' ')))?;
    let folder = workspace.target.join(NAME);
    fs::create_dir_all(&folder)?;
    let copy = |from: std::path::PathBuf, name: &str| {
        fs::copy(&from, folder.join(name)).with_context(|| format!("{} was not copied", from.display()))
    };
    copy(workspace.target.join("release/core"), "core")?;
    for name in FILES {
        copy(workspace.root.join("tests/gpu").join(name), name)?;
    }
    let archive = workspace.target.join(format!("{NAME}.tar.gz"));
    run(workspace
        .command("tar")
        .arg("-czf")
        .arg(&archive)
        .arg("-C")
        .arg(&workspace.target)
        .arg(NAME))?;
    let size = fs::metadata(&archive)?.len() as f64 / 1e6;
    println!(
        "{} ({size:.0} MB): unpack it on that machine and run {NAME}/check.sh",
        archive.display()
    );
    Ok(())
}
