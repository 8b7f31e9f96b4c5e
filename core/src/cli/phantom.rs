//! `core phantom`.

use std::fs;
use std::path::PathBuf;

use clap::Args;

use super::console::Console;
use super::files::{make_folder, refuse_used_folder, write};
use super::{Failure, Outcome};
use crate::Error;
use crate::dataset::{PhantomConfig, phantom};
use crate::preset::{Preset, lay_out};
use crate::volume::gzip;

#[derive(Args)]
pub(super) struct Arguments {
    /// Folder for the data set.
    #[arg(long)]
    out: PathBuf,
    /// The data set whose folders and file names to use: decathlon, synapse, acdc, brats21 or brats17.
    #[arg(long, default_value = "decathlon")]
    layout: Preset,
    /// Cases with labels.
    #[arg(long, default_value_t = 6)]
    cases: usize,
    /// Further cases that are in no published list: without labels, to be segmented, or in ACDC's testing folder with
    /// the labels that were published later.
    #[arg(long, alias = "unlabelled", default_value_t = 2)]
    unlabeled: usize,
    /// The same seed gives the same scans.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Smallest and largest side in voxels.
    #[arg(long, value_name = "MIN,MAX", value_delimiter = ',', num_args = 1, default_values_t = [24, 40])]
    voxels: Vec<usize>,
    /// Write into a folder that is not empty; files with other content are never replaced.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let &[smallest, largest] = arguments.voxels.as_slice() else {
        return Err(Failure::Message(
            "the sides need a smallest and a largest number: write --voxels MIN,MAX".to_owned(),
        ));
    };
    refuse_used_folder(&arguments.out, arguments.force)?;
    let cases = phantom(&PhantomConfig {
        cases: arguments.cases + arguments.unlabeled,
        seed: arguments.seed,
        voxels: (smallest, largest),
    });
    let files = lay_out(arguments.layout, &cases, arguments.cases).map_err(Error::from)?;
    let files = files.into_iter().map(|(path, bytes)| {
        let packed = path.ends_with(".gz");
        let bytes = if packed { gzip(&bytes) } else { bytes };
        (arguments.out.join(path), bytes)
    });
    let files: Vec<(PathBuf, Vec<u8>)> = files.collect();
    // A public data set has the same names.
    let other = |(path, bytes): &&(PathBuf, Vec<u8>)| fs::read(path).is_ok_and(|there| there != *bytes);
    if let Some((path, _)) = files.iter().find(other) {
        return Err(Failure::Message(format!(
            "{} is there already and is never replaced; choose another folder",
            path.display()
        )));
    }
    for (path, bytes) in &files {
        if let Some(folder) = path.parent() {
            make_folder(folder, true)?;
        }
        write(path, bytes)?;
    }
    console.say(format!(
        "{} labeled cases and {} beside them are in {}",
        arguments.cases,
        arguments.unlabeled,
        arguments.out.display()
    ));
    Ok(())
}
