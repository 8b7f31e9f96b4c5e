//! `core phantom`.

use std::path::PathBuf;

use clap::Args;

use super::Outcome;
use super::console::Console;
use super::files::{make_folder, write};
use crate::dataset::{PhantomConfig, phantom, phantom_dataset_json};
use crate::volume::gzip;

#[derive(Args)]
pub(super) struct Arguments {
    /// Folder for the data set, in Decathlon layout.
    #[arg(long)]
    out: PathBuf,
    /// Cases with labels.
    #[arg(long, default_value_t = 6)]
    cases: usize,
    /// Cases without labels, to be segmented.
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
        return Err(super::Failure::Message(
            "the sides need a smallest and a largest number: write --voxels MIN,MAX".to_owned(),
        ));
    };
    make_folder(&arguments.out, arguments.force)?;
    for folder in ["imagesTr", "labelsTr", "imagesTs"] {
        make_folder(&arguments.out.join(folder), true)?;
    }
    let cases = phantom(&PhantomConfig {
        cases: arguments.cases + arguments.unlabelled,
        seed: arguments.seed,
        voxels: (smallest, largest),
    });
    let (mut training, mut test) = (Vec::new(), Vec::new());
    for (index, case) in cases.into_iter().enumerate() {
        let file = format!("{}.nii.gz", case.name);
        let labelled = index < arguments.cases;
        let folder = if labelled { "imagesTr" } else { "imagesTs" };
        write(&arguments.out.join(folder).join(&file), &gzip(&case.image))?;
        if labelled {
            write(
                &arguments.out.join("labelsTr").join(&file),
                &gzip(&case.label),
            )?;
            training.push(case.name);
        } else {
            test.push(case.name);
        }
    }
    let json = phantom_dataset_json(&training, &test);
    write(&arguments.out.join("dataset.json"), json.as_bytes())?;
    console.say(format!(
        "{} labelled and {} unlabelled scans are in {}",
        training.len(),
        test.len(),
        arguments.out.display()
    ));
    Ok(())
}
