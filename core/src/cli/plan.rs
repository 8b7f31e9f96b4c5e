//! `core plan`: settings for a data set and a budget, each with its reason.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::cases::Reader;
use super::console::Console;
use super::files::write;
use super::folder::{Folder, FolderOptions};
use super::listing::Listing;
use super::{Failure, Outcome, train};
use crate::Error;
use crate::dataset::{DatasetError, LabelSet, Role};
use crate::plan::{Budget, TrainingPlan};
use crate::volume::SliceAxis;

#[derive(Args)]
pub(super) struct Arguments {
    /// Folder with scans and labels.
    #[arg(long)]
    data: PathBuf,
    /// Plan for one list of a JSON file of case names.
    #[arg(long, value_name = "FILE:LIST")]
    split: Option<String>,
    /// Minutes of training, on one CPU thread.
    #[arg(long, value_name = "M", default_value_t = Budget::DEFAULT.minutes)]
    budget_minutes: f64,
    /// Write the settings as TOML, which `core train --config` takes.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Id of voxels that are not labeled; by default the one that dataset.json or a label map names "ignore".
    #[arg(long, value_name = "ID")]
    ignore_label: Option<u16>,
    /// Only slices with a label count, along axial, coronal, sagittal or auto; the others are not labeled.
    #[arg(long, value_name = "AXIS")]
    labeled_slices: Option<SliceAxis>,
    /// Refuse a case that cannot be read instead of leaving it out.
    #[arg(long)]
    strict: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let listing = Listing::of(&arguments.data)?;
    let options = FolderOptions {
        ignore_label: arguments.ignore_label,
        labeled_slices: arguments.labeled_slices,
        ..FolderOptions::default()
    };
    let folder = Folder::open(&arguments.data, listing, options, console)?;
    let files = match &arguments.split {
        Some(split) => train::list(split, None, &folder, console)?,
        None => {
            let training = folder.pairing.cases.iter().filter(|case| case.role() == Role::Train);
            training.cloned().collect()
        }
    };
    if files.is_empty() {
        return Err(Error::from(DatasetError::NoLabeledCase).into());
    }
    let reader = Reader {
        folder: Arc::new(folder),
        cache: None,
        strict: arguments.strict,
        console,
    };
    let cases = reader.fingerprints(&files)?;
    let labels = LabelSet::from_fingerprints(&cases, &reader.folder.library.label_names()).map_err(Error::from)?;
    let budget = Budget {
        minutes: arguments.budget_minutes,
        ..Budget::DEFAULT
    };
    let plan = TrainingPlan::new(&cases, &labels, &budget).map_err(Error::from)?;
    if let Some(path) = &arguments.out {
        write(path, plan.config.to_toml()?.as_bytes())?;
    }
    if arguments.json {
        let text = serde_json::to_string_pretty(&plan)
            .map_err(|error| Failure::Message(format!("the plan cannot be written: {error}")))?;
        console.say(text);
    } else {
        for decision in &plan.decisions {
            console.say(decision.to_string());
        }
    }
    Ok(())
}
