//! The developer's commands: `cargo xtask serve`, `build`, `test` and `check`.
//!
//! Each brings what it needs (the WebAssembly target, Trunk, wasm-bindgen, the npm packages, for the
//! tests a Chromium), says what it is doing, and does it once.
#![expect(clippy::print_stdout, reason = "a command-line tool speaks on stdout")]

#[cfg(test)]
mod additions;
mod bench;
mod bench_browser;
mod bench_gpu;
mod bench_plot;
mod check;
mod chromium;
mod gpu_bundle;
mod order;
mod page;
mod policy;
mod test;
mod tools;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};
use workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The developer's commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the page and open it in the browser; rebuild when a source file changes
    Serve(page::ServeArguments),
    /// Build the page into dist/, ready for any static host
    Build,
    /// Check format, lints and documentation, and run every test
    Test(test::TestArguments),
    /// Time operations, training steps and segmentation, and PyTorch's
    Bench(bench::BenchArguments),
    /// Pack core and the check of a graphics card, for a machine that has one
    GpuBundle,
    /// Build every supported set of features, CUDA's included (long: not a part of `test`)
    Check,
}

fn main() -> Result<()> {
    let workspace = Workspace::here();
    match Arguments::parse().command {
        Command::Serve(arguments) => page::serve(&workspace, &arguments),
        Command::Build => page::build(&workspace),
        Command::Test(arguments) => test::run(&workspace, &arguments),
        Command::Bench(arguments) => bench::bench(&workspace, &arguments),
        Command::GpuBundle => gpu_bundle::bundle(&workspace),
        Command::Check => check::run(&workspace),
    }
}
