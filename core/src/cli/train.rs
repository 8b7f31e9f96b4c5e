//! `core train`.

mod arguments;
mod dashboard;
mod report;
mod screen;
mod sentence;
mod settings;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use burn::tensor::Device;
use futures::executor::block_on;

pub(super) use self::arguments::{Arguments, Method};
pub(super) use self::report::{FILES, RunReport};
pub(super) use self::settings::{Facts, Given, Resumed, STATE, configure, read_config, with_remedy};
use super::cache::Cache;
use super::cases::{Cases, Reader};
use super::console::{Console, interrupt_flag};
use super::files::{make_folder, read, write};
use super::folder::{Folder, FolderOptions};
use super::inputs::refuse_inputs;
use super::listing::Listing;
use super::{Failure, Outcome};
use crate::Error;
use crate::dataset::{CaseFiles, CaseFingerprint, DatasetError, LabelSet, Role, Split, not_learned};
use crate::device::{self, ComputeDevice, DeviceKind};
use crate::preset::Preset;
use crate::train::{CheckpointKind, Event, Start, Trainer};
use crate::weights::counted;

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let folder = open_folder(&arguments, console)?;
    let files = FILES.map(|name| arguments.out.join(name));
    refuse_replacing(&arguments, &folder, &files)?;
    let (training, validation) = select(&arguments, &folder, console)?;
    let reader = Reader {
        folder: Arc::new(folder),
        cache: arguments.cache.as_deref().map(Cache::open).transpose()?,
        strict: arguments.strict,
        console,
    };
    let (training, validation) = (reader.read(&training)?, reader.read(&validation)?);
    training.warn(console);
    validation.warn(console);
    let (devices, description) = open_devices(arguments.device.clone())?;
    let resumed = arguments.resume.then(|| Resumed::find(&arguments.out));
    let resumed = resumed.transpose()?.flatten();
    let weights = arguments.start.as_deref().map(read).transpose()?;
    let facts = Facts {
        cases: &training.fingerprints,
        names: &reader.folder.library.label_names(),
        // There is at least the default device.
        device: &devices[0],
        resumed: resumed.as_ref().map(|resumed| &resumed.state.config),
        start: weights.as_deref(),
    };
    let (config, labels) = configure(&arguments, &facts, console)?;
    let labels = learned(&reader, labels, &training, &validation)?;
    if let Some(resumed) = resumed.as_ref().filter(|_| !arguments.force) {
        resumed.check(&arguments.out, &config)?;
    }
    let start = match (&resumed, &weights) {
        (Some(resumed), _) => Start::Resume(&resumed.bytes),
        (None, Some(weights)) => Start::Weights(weights),
        (None, None) => Start::Scratch,
    };

    let mut trainer = Trainer::on(
        config.clone(),
        reader.training(training, &labels, &config)?,
        reader.held_out(validation),
        labels,
        start,
        &devices[0].device,
    )?;
    let others = others(&devices);
    trainer.share(&others)?;
    say_new(trainer.new_parameters(), console);
    make_folder(&arguments.out, arguments.force || arguments.resume)?;
    let text = config.to_toml()?;
    write(&arguments.out.join("config.toml"), text.as_bytes())?;
    console.say(format!("training on {description}"));
    // The trainer holds their content; the files are several times the size of the network.
    let done = resumed.map(|resumed| resumed.state.steps_done());
    drop(weights);
    let mut report = RunReport::new(&arguments.out, console, config.all_iterations(), description, done)?;
    block_on(drive(&mut trainer, &mut report, arguments.strict))
}

/// The labels that are learned, with warnings about those of cases that are not, or that are missing.
fn learned(
    reader: &Reader<'_>,
    labels: Option<LabelSet>,
    training: &Cases,
    validation: &Cases,
) -> Result<LabelSet, Failure> {
    let labels = reader.labels(training, labels)?;
    warn_of_missing(&labels, &training.fingerprints, reader.console);
    for sentence in not_learned(&labels, &validation.fingerprints) {
        reader.console.warn(sentence);
    }
    Ok(labels)
}

/// Says which layers begin anew, although there are weights to start from.
fn say_new(parameters: &[String], console: &Console) {
    let layers: BTreeSet<&str> = parameters.iter().filter_map(|name| name.split('.').next()).collect();
    if !layers.is_empty() {
        console.say(format!(
            "new, since the weights to start from have none that fit: {}",
            layers.into_iter().collect::<Vec<_>>().join(", ")
        ));
    }
}

/// The folder with the cases.
pub(super) fn open_folder(arguments: &Arguments, console: &Console) -> Result<Folder, Failure> {
    let options = FolderOptions {
        combine_structures: arguments.combine_structures,
        resample_labels: arguments.resample_labels,
        ignore_label: arguments.ignore_label,
        labeled_slices: arguments.labeled_slices,
        lists: false,
    };
    let listing = Listing::of(&arguments.data)?;
    let problem = listing.problems().next();
    if let Some(problem) = problem.filter(|_| arguments.strict) {
        return Err(Failure::Message(problem));
    }
    Folder::open(&arguments.data, listing, options, console)
}

/// The devices to train on, and their description.
pub(super) fn open_devices(kinds: Vec<DeviceKind>) -> Result<(Vec<ComputeDevice>, String), Failure> {
    let opened = block_on(device::open_all(kinds))?;
    let names: Vec<&str> = opened.iter().map(|opened| opened.description.as_str()).collect();
    let description = names.join(" + ");
    Ok((opened, description))
}

/// The devices after the first, with which it shares the batches of every step.
pub(super) fn others(devices: &[ComputeDevice]) -> Vec<Device> {
    devices.iter().skip(1).map(|opened| opened.device.clone()).collect()
}

/// Refuses a run whose files would replace what it reads.
pub(super) fn refuse_replacing(arguments: &Arguments, folder: &Folder, files: &[PathBuf]) -> Outcome {
    let list = |choice: &Option<String>| {
        let (file, _) = Split::choice(choice.as_deref()?)?;
        Some(PathBuf::from(file))
    };
    let scans = folder.listing.paths().map(Path::to_owned);
    // A resumed run has its own settings.
    let config = arguments.config.clone().filter(|_| !arguments.resume);
    let others = [
        arguments.start.clone(),
        config,
        list(&arguments.split),
        list(&arguments.val),
    ];
    refuse_inputs(files, scans.chain(others.into_iter().flatten()))
}

/// Passes every event on, and stops the trainer when Ctrl-C was pressed.
pub(super) async fn drive(trainer: &mut Trainer, report: &mut RunReport<'_>, strict: bool) -> Outcome {
    let interrupted = interrupt_flag();
    while let Some(event) = trainer.next().await? {
        report.event(&event)?;
        if let Event::Validated { left_out, .. } = &event
            && let Some(why) = left_out.first().filter(|_| strict)
        {
            report.close();
            return Err(Failure::Message(why.clone()));
        }
        if let Event::Checkpoint {
            kind: CheckpointKind::Last,
            ..
        } = event
        {
            report.keep_state(trainer).await?;
        }
        if interrupted.load(Ordering::SeqCst) {
            trainer.stop();
        }
    }
    report.close();
    if interrupted.load(Ordering::SeqCst) {
        return Err(Failure::Interrupted);
    }
    Ok(())
}

/// Which cases to train on and which to validate on.
fn select(
    arguments: &Arguments,
    folder: &Folder,
    console: &Console,
) -> Result<(Vec<CaseFiles>, Vec<CaseFiles>), Failure> {
    let cases = &folder.pairing.cases;
    let list = |choice: &str| list(choice, arguments.preset, folder, console);
    let of = |role: Role| cases.iter().filter(move |case| case.role() == role).cloned();
    let split = arguments.split.as_deref();
    let split = split.or_else(|| arguments.preset.map(|_| "train"));
    let mut validation = arguments.val.as_deref().map(list).transpose()?;
    let training = match split {
        Some(split) => list(split)?,
        None => {
            let chosen = validation.get_or_insert_with(|| of(Role::Validate).collect());
            let training: Vec<_> = of(Role::Train).filter(|case| !chosen.contains(case)).collect();
            say_held_out(cases, chosen, arguments.val.is_none(), console);
            training
        }
    };
    let validation = validation.unwrap_or_default();
    if let Some(both) = training.iter().find(|case| validation.contains(case)) {
        let case = both.id.clone();
        return Err(Error::from(DatasetError::InBothLists { case }).into());
    }
    refuse_none(&training, cases)?;
    Ok((training, validation))
}

/// Refuses to train without cases, and says why none of all cases is one.
pub(super) fn refuse_none(training: &[CaseFiles], cases: &[CaseFiles]) -> Outcome {
    if !training.is_empty() {
        return Ok(());
    }
    let held_out = cases.iter().filter(|case| case.is_labeled()).count();
    let error = match held_out {
        0 => DatasetError::NoLabeledCase,
        _ => DatasetError::AllHeldOut(held_out),
    };
    Err(Error::from(error).into())
}

/// The labeled cases of a list: of the preset, or `FILE:LIST`.
pub(super) fn list(
    choice: &str,
    preset: Option<Preset>,
    folder: &Folder,
    console: &Console,
) -> Result<Vec<CaseFiles>, Failure> {
    let selected = match (Split::choice(choice), preset) {
        (Some((file, name)), _) => {
            let split = Split::from_json(file, &read(Path::new(file))?, name);
            split.and_then(|split| split.select(&folder.pairing.cases))
        }
        (None, Some(preset)) => preset.select(choice, &folder.pairing.cases),
        (None, None) => {
            return Err(Failure::Message(format!(
                "{choice:?} names no list: write FILE:LIST, for example splits.json:train"
            )));
        }
    };
    let (labeled, others): (Vec<CaseFiles>, Vec<CaseFiles>) = selected
        .map_err(Error::from)?
        .into_iter()
        .partition(CaseFiles::is_labeled);
    if !others.is_empty() {
        let names = others.iter().map(|case| case.id.as_str());
        console.warn(format!(
            "list {choice} names {} without a label map, which {} left out: {}",
            counted(others.len(), "case"),
            if others.len() == 1 { "is" } else { "are" },
            names.collect::<Vec<_>>().join(", ")
        ));
    }
    if labeled.is_empty() {
        return Err(Error::from(DatasetError::NoLabeledCase).into());
    }
    if let Some(difference) = preset.and_then(|preset| preset.differing(choice, &labeled)) {
        console.warn(difference);
    }
    Ok(labeled)
}

/// Reports which labeled cases are not trained on, and why.
pub(super) fn say_held_out(cases: &[CaseFiles], validation: &[CaseFiles], found: bool, console: &Console) {
    let names = |cases: &[&CaseFiles]| {
        let names: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
        names.join(", ")
    };
    if found && !validation.is_empty() {
        console.say(format!(
            "validating on {} that folders or dataset.json name for it: {}",
            counted(validation.len(), "case"),
            names(&validation.iter().collect::<Vec<_>>())
        ));
    }
    let held_out = |case: &&CaseFiles| case.is_labeled() && case.role() != Role::Train && !validation.contains(case);
    let held_out: Vec<&CaseFiles> = cases.iter().filter(held_out).collect();
    if !held_out.is_empty() {
        console.warn(format!(
            "not trained on, because folders or dataset.json name {} for validation or test: {}",
            if held_out.len() == 1 { "it" } else { "them" },
            names(&held_out)
        ));
    }
}

/// Warns about classes that no training case has: they cannot be learned.
pub(super) fn warn_of_missing(labels: &LabelSet, cases: &[CaseFingerprint], console: &Console) {
    let present: BTreeSet<u16> = cases.iter().flat_map(|case| &case.labels).copied().collect();
    let named = labels.ids().iter().zip(labels.names()).skip(1);
    for (_, name) in named.filter(|(id, _)| !present.contains(id)) {
        console.warn(format!("no training case has {name}: it will not be found"));
    }
}
