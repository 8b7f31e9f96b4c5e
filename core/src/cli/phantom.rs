//! `core phantom`.

use std::path::PathBuf;

use clap::Args;

use super::console::Console;
use super::files::{make_folder, write};
use super::{Failure, Outcome};
use crate::Error;
use crate::dataset::{PhantomConfig, Preset, lay_out, phantom};
use crate::volume::gzip;

#[derive(Args)]
pub(super) struct Arguments {
    /// Folder for the data set.
    #[arg(long)]
    out: PathBuf,
    /// Whose folders and file names: decathlon, synapse, acdc, brats21 or brats17.
    #[arg(long, default_value = "decathlon")]
    layout: Preset,
    /// Cases with labels.
    #[arg(long, default_value_t = 6)]
    cases: usize,
    /// Cases beside them that no published list holds: without labels, to be segmented, or in ACDC's
    /// testing folder with the labels that were published later.
    #[arg(long, default_value_t = 2)]
    unlabelled: usize,
    /// The same seed gives the same scans.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Smallest and largest side in voxels.
    #[arg(long, value_name = "MIN,MAX", value_delimiter = ',', num_args = 1, default_values_t = [24, 40])]
    voxels: Vec<usize>,
    /// Write into a folder that is not empty.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let &[smallest, largest] = arguments.voxels.as_slice() else {
        return Err(Failure::Message(
            "the sides need a smallest and a largest number: write --voxels MIN,MAX".to_owned(),
        ));
    };
    make_folder(&arguments.out, arguments.force)?;
    let cases = phantom(&PhantomConfig {
        cases: arguments.cases + arguments.unlabelled,
        seed: arguments.seed,
        voxels: (smallest, largest),
    });
    let files = lay_out(arguments.layout, &cases, arguments.cases).map_err(Error::from)?;
    for (path, bytes) in files {
        let target = arguments.out.join(&path);
        if let Some(folder) = target.parent() {
            make_folder(folder, true)?;
        }
        let bytes = if path.ends_with(".gz") {
            gzip(&bytes)
        } else {
            bytes
        };
        write(&target, &bytes)?;
    }
    console.say(format!(
        "{} labelled cases and {} beside them are in {}",
        arguments.cases,
        arguments.unlabelled,
        arguments.out.display()
    ));
    Ok(())
}
