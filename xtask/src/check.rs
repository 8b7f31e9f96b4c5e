//! Builds every supported set of features. The tests use only one, because each recompiles burn.

use std::time::Instant;

use anyhow::Result;

use crate::tools;
use crate::workspace::{self, Workspace};

/// The purpose of each set, and its arguments for cargo.
const SETS: [(&str, &str); 6] = [
    ("command line on one CPU core", "check --package medcontext-core"),
    (
        "command line on all CPU cores and any GPU",
        "check --package medcontext-core --features wgpu,threads",
    ),
    // Built, to see that it links without CUDA, which is loaded when the program runs.
    (
        "command line on NVIDIA GPUs",
        "build --package medcontext-core --features cuda,threads",
    ),
    // Tested, as no other set has these tests.
    (
        "command line that lends its devices",
        "test --package medcontext-core --features remote,threads --lib device",
    ),
    (
        "the page's worker",
        "check --package medcontext-app --bin worker --release --target wasm32-unknown-unknown",
    ),
    (
        "the page",
        "check --package medcontext-app --bin page --no-default-features --release --target wasm32-unknown-unknown",
    ),
];

/// Builds the sets one after the other and stops at the first that fails.
pub fn run(workspace: &Workspace) -> Result<()> {
    tools::ensure_target(workspace)?;
    for (name, arguments) in SETS {
        println!("\n== {name}");
        let start = Instant::now();
        let mut command = workspace.cargo();
        workspace::run(command.args(arguments.split(' ')).arg("--locked"))?;
        println!("== {name}: ok after {:.0} s", start.elapsed().as_secs_f64());
    }
    Ok(())
}
