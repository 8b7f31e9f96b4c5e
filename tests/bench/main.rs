//! Times the library's operations, blocks, training steps and segmentation, as one line of JSON each.
//!
//! `tests/peers/bench.py` does the same work in PyTorch under the same names, and `cargo xtask bench` runs
//! both in turn. By itself: `cargo bench -p medcontext-tests -- NAME…`, a name or the start of one. With
//! `--device=wgpu` it times the operations of a GPU instead, which `cargo xtask bench --gpu` compares.
#![allow(clippy::print_stdout)]

mod blocks;
mod gpu;
mod measure;
mod networks;
mod operations;
mod planning;

use measure::Bench;
use medcontext_core::device::{compute_on_this_thread, keep_freed_memory};

fn main() {
    // As in the command line.
    keep_freed_memory();
    compute_on_this_thread();
    // Cargo adds its own options.
    let names: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let mut bench = Bench::new(names);
    let device = std::env::args().find_map(|argument| Some(argument.strip_prefix("--device=")?.to_owned()));
    if let Some(kind) = device {
        return match kind.parse() {
            Ok(kind) => gpu::run(&bench, kind),
            Err(problem) => panic!("{problem}"),
        };
    }
    operations::run(&mut bench);
    blocks::run(&mut bench);
    networks::run(&mut bench);
    planning::run(&mut bench);
}
