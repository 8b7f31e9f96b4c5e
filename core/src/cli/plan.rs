//! `core plan`: settings for a data set and a budget, each with its reason.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use futures::executor::block_on;

use super::cases::Reader;
use super::console::Console;
use super::files::write;
use super::folder::{Folder, FolderOptions};
use super::listing::Listing;
use super::measured::measured;
use super::{Failure, Outcome, train};
use crate::Error;
use crate::dataset::{CaseFingerprint, DatasetError, LabelSet, Role};
use crate::device::{self, DeviceKind};
use crate::plan::{self, Budget, Memory, TrainingPlan};
use crate::volume::SliceAxis;

#[derive(Args)]
pub(super) struct Arguments {
    /// Folder with scans and labels.
    #[arg(long)]
    data: PathBuf,
    /// Plan for one list of a JSON file of case names.
    #[arg(long, value_name = "FILE:LIST")]
    split: Option<String>,
    /// Minutes of training.
    #[arg(long, value_name = "M", allow_negative_numbers = true, default_value_t = Budget::DEFAULT.minutes)]
    budget_minutes: f64,
    /// Measure a few steps on this device: cpu, wgpu, cuda or cuda:N. Without it, the speed of this machine's CPU is
    /// assumed.
    #[arg(long)]
    device: Option<DeviceKind>,
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
    let plan = planned(&arguments, &cases, &labels, console)?;
    let memory = Memory::of(arguments.device.as_ref().unwrap_or(&DeviceKind::Cpu));
    if let Err(infeasible) = plan::check(&plan.config, &cases, memory) {
        console.warn(train::with_remedy(&plan.config, &infeasible));
    }
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

/// The plan, from measured steps where a device is named.
fn planned(
    arguments: &Arguments,
    cases: &[CaseFingerprint],
    labels: &LabelSet,
    console: &Console,
) -> Result<TrainingPlan, Failure> {
    let kind = arguments.device.clone();
    let budget = Budget {
        minutes: arguments.budget_minutes,
        ..Budget::of(kind.as_ref().unwrap_or(&DeviceKind::Cpu))
    };
    let Some(kind) = kind else {
        return Ok(TrainingPlan::new(cases, labels, &budget).map_err(Error::from)?);
    };
    let opened = block_on(device::open(kind))?;
    console.warn(format!("measuring how long a step takes on {}", opened.description));
    measured(cases, labels, budget, &opened.device, |config| Ok(config.clone()))
}
