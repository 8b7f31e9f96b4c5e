//! The command line: a thin reader of the library's events.

// Printing is what a command line is for; the rest of the library never does.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod atomic_file;
mod cache;
mod cases;
mod cases_list;
mod chart;
mod console;
mod convert;
mod curves;
mod evaluate;
mod experiment;
mod file_name;
mod files;
mod folder;
mod folds;
mod info;
mod inputs;
mod listing;
mod measured;
mod outcome;
mod phantom;
mod plan;
mod predict;
mod pretrain;
mod render;
#[cfg(feature = "remote")]
mod serve;
mod shard;
mod surface;
mod train;
mod verify;

use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand};

use outcome::{Failure, Outcome, sides};

/// Few-shot 3D medical segmentation with MedContext.
#[derive(Parser)]
#[command(name = "core", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print only warnings and errors.
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Print more; twice for everything.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Subcommand)]
enum Command {
    /// List the cases of a folder: what is used, for what, and what is not.
    Cases(cases_list::Arguments),
    /// Choose settings for a folder of labeled scans and the minutes there are, each with its reason.
    Plan(plan::Arguments),
    /// Train a network on labeled scans.
    Train(train::Arguments),
    /// Train the encoder of a network on scans without labels, for `core train --start-from`.
    Pretrain(pretrain::Arguments),
    /// Segment scans with trained weights.
    Predict(predict::Arguments),
    /// Measure Dice, HD95 and volumes of predictions against true labels.
    Evaluate(evaluate::Arguments),
    /// Train, segment and measure every cell of an experiment, and compare its rows in a table.
    Experiment(experiment::Arguments),
    /// Show the devices, or what a NIfTI or weights file holds, or the size of a network.
    Info(info::Arguments),
    /// Compare a device with the CPU: logits, gradients and training steps of every network.
    Verify(verify::Arguments),
    /// Read weights from PyTorch, or write them for it.
    Convert(convert::Arguments),
    /// Draw a slice of a scan, its true labels and predictions side by side, as a PNG file.
    Render(render::Arguments),
    /// Write the surfaces of labels as STL files.
    Surface(surface::Arguments),
    /// Write synthetic labeled scans for trying things out.
    Phantom(phantom::Arguments),
    /// Offer this machine's devices to `core` on another one.
    #[cfg(feature = "remote")]
    Serve(serve::Arguments),
}

impl Command {
    /// Whether only the main thread computes.
    fn computes_alone(&self) -> bool {
        match self {
            // Each client computes on its own thread.
            #[cfg(feature = "remote")]
            Self::Serve(_) => false,
            _ => true,
        }
    }
}

/// Runs the command line and returns the exit code: 0 done, 1 failed, 2 wrong arguments, 130 stopped by Ctrl-C.
pub fn main() -> ExitCode {
    crate::device::keep_freed_memory();
    let cli = Cli::parse();
    start_log(cli.verbose, cli.quiet);
    let console = console::Console::new(cli.quiet);
    if cli.command.computes_alone() {
        crate::device::compute_on_this_thread();
    }
    let outcome = match cli.command {
        Command::Cases(arguments) => cases_list::run(arguments, &console),
        Command::Plan(arguments) => plan::run(arguments, &console),
        Command::Train(arguments) if arguments.folds.is_some() => folds::run(arguments, &console),
        Command::Train(arguments) => train::run(arguments, &console),
        Command::Pretrain(arguments) => pretrain::run(arguments, &console),
        Command::Predict(arguments) => predict::run(arguments, &console),
        Command::Evaluate(arguments) => evaluate::run(arguments, &console),
        Command::Experiment(arguments) => experiment::run(arguments, &console),
        Command::Info(arguments) => info::run(arguments, &console),
        Command::Verify(arguments) => verify::run(arguments, &console),
        Command::Convert(arguments) => convert::run(arguments, &console),
        Command::Render(arguments) => render::run(arguments, &console),
        Command::Surface(arguments) => surface::run(arguments, &console),
        Command::Phantom(arguments) => phantom::run(arguments, &console),
        #[cfg(feature = "remote")]
        Command::Serve(arguments) => serve::run(arguments, &console),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Interrupted) => ExitCode::from(130),
        Err(failure) => {
            console::print_error(&format!("error: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn start_log(verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => tracing::Level::ERROR,
        (false, 0) => tracing::Level::WARN,
        (false, 1) => tracing::Level::INFO,
        (false, _) => tracing::Level::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
}
