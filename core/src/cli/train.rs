//! `core train`.

mod dashboard;
mod report;
mod screen;
mod settings;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::Args;
use futures::executor::block_on;

pub(super) use self::report::Report;
pub(super) use self::settings::STATE;
use self::settings::{Method, configure, find_state};
use super::cache::Cache;
use super::cases::Reader;
use super::console::{Console, interrupt_flag};
use super::files::{Folder, make_folder, read, write};
use super::{Failure, Outcome, sides};
use crate::Error;
use crate::backbone::{Backbone, Size};
use crate::dataset::{CaseFiles, DatasetError, LabelSet, Outline, Preset, Role, Split};
use crate::device::{self, DeviceKind};
use crate::train::{CheckpointKind, Event, Start, Trainer};

#[derive(Args)]
pub(super) struct Arguments {
    /// Folder with scans and labels: Decathlon, nnU-Net, or any names that pair.
    #[arg(long)]
    data: PathBuf,
    /// Labels, lists, preprocessing and settings of a public data set: synapse, acdc, brats21, brats17
    /// or decathlon. Other options win over it.
    #[arg(long)]
    preset: Option<Preset>,
    /// Train on one list of a JSON file of case names: FILE:LIST; or on a list of the preset, such as
    /// five-shot.
    #[arg(long, value_name = "FILE:LIST")]
    split: Option<String>,
    /// Validate on one list of a JSON file of case names: FILE:LIST; or on a list of the preset.
    #[arg(long, value_name = "FILE:LIST")]
    val: Option<String>,
    /// Folder for weights, log and summary.
    #[arg(long)]
    out: PathBuf,
    /// Settings in TOML; options on the command line win over it.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Weights to go on from.
    #[arg(long)]
    start: Option<PathBuf>,
    /// The weights to go on from may label something else: their last layer is replaced.
    #[arg(long, requires = "start")]
    new_head: bool,
    /// Network: unetr, swin-unetr, nnformer, nnformer-acdc, nnformer-tumor or pcrlv2.
    #[arg(long)]
    backbone: Option<Backbone>,
    /// Its size: tiny, small or paper.
    #[arg(long)]
    size: Option<Size>,
    /// Patch in voxels.
    #[arg(long, value_name = "D,H,W", value_parser = sides)]
    patch: Option<[usize; 3]>,
    /// The joint self-supervised part; what [medcontext] of --config sets is kept.
    #[arg(long)]
    medcontext: Option<Method>,
    /// Where to compute: cpu, wgpu, cuda, cuda:N, or ws://host:port where `core serve` runs; several, with
    /// commas between them, share the batches of every step.
    #[arg(long, default_value = "cpu", value_delimiter = ',')]
    device: Vec<DeviceKind>,
    /// Optimiser steps.
    #[arg(long)]
    iterations: Option<usize>,
    /// Patches per batch.
    #[arg(long)]
    batch_size: Option<usize>,
    /// Batches per step, whose gradients are averaged; at least as many as devices.
    #[arg(long)]
    accumulation: Option<usize>,
    /// Learning rate after warm-up.
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Seed of every random choice.
    #[arg(long)]
    seed: Option<u64>,
    /// Go on with the run in --out from its last checkpoint, or begin it where there is none.
    #[arg(long)]
    resume: bool,
    /// Folder for prepared cases: they are kept there instead of in memory, for this run and others.
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    /// Refuse a case that cannot be read instead of leaving it out.
    #[arg(long)]
    strict: bool,
    /// Write into a folder that is not empty; go on with a run although its settings changed.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let folder = Folder::open(&arguments.data)?;
    let (training, validation) = select(&arguments, &folder)?;
    let names = folder.label_names();
    let reader = Reader {
        folder: Arc::new(folder),
        cache: arguments.cache.as_deref().map(Cache::open).transpose()?,
        strict: arguments.strict,
        console,
    };
    let (training, validation) = (reader.read(&training)?, reader.read(&validation)?);
    training.warn(console);
    validation.warn(console);
    let (config, labels) = configure(&arguments, &training.outlines, console)?;
    let labels = training.labels(labels, &names)?;
    warn_of_missing(&labels, &training.outlines, console);
    let state = match arguments.resume {
        true => find_state(&arguments, &config)?,
        false => None,
    };
    let weights = arguments.start.as_deref().map(read).transpose()?;
    let start = match (&state, &weights) {
        (Some((_, state)), _) => Start::State(state),
        (None, Some(weights)) => Start::Weights(weights),
        (None, None) => Start::Scratch,
    };

    // There is at least the default.
    let opened = block_on(device::open_all(arguments.device))?;
    let devices: Vec<_> = opened.iter().map(|opened| opened.device.clone()).collect();
    let names: Vec<_> = opened
        .into_iter()
        .map(|opened| opened.description)
        .collect();
    let description = names.join(" + ");
    let mut trainer = Trainer::on(
        config.clone(),
        reader.training(training, &labels, &config)?,
        reader.held_out(validation),
        labels,
        start,
        &devices[0],
    )?;
    trainer.share(&devices[1..])?;
    make_folder(&arguments.out, arguments.force || arguments.resume)?;
    let text = config.to_toml()?;
    write(&arguments.out.join("config.toml"), text.as_bytes())?;
    console.say(format!("training on {description}"));
    // The trainer holds what they said; as files they are several times the network.
    let done = state.map(|(done, _)| done);
    drop(weights);
    let mut report = Report::new(
        &arguments.out,
        console,
        config.iterations,
        description,
        done,
    )?;
    block_on(drive(trainer, &mut report, arguments.strict))
}

/// Passes every event on, and stops the trainer when Ctrl-C was pressed.
async fn drive(mut trainer: Trainer, report: &mut Report<'_>, strict: bool) -> Outcome {
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
            report.keep_state(&trainer).await?;
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
) -> Result<(Vec<CaseFiles>, Vec<CaseFiles>), Failure> {
    let list = |choice: &Option<String>| -> Result<Option<Vec<CaseFiles>>, Failure> {
        let Some(choice) = choice else {
            return Ok(None);
        };
        let Some((file, name)) = choice.rsplit_once(':') else {
            if let Some(preset) = arguments.preset {
                let selected = preset.select(choice, &folder.pairing.cases);
                return Ok(Some(selected.map_err(Error::from)?));
            }
            return Err(Failure::Message(format!(
                "{choice:?} names no list: write FILE:LIST, for example splits.json:train"
            )));
        };
        let text = read(Path::new(file))?;
        let split = Split::from_json(file, &String::from_utf8_lossy(&text), name);
        let split = split.map_err(Error::from)?;
        Ok(Some(
            split.select(&folder.pairing.cases).map_err(Error::from)?,
        ))
    };
    let validation = list(&arguments.val)?.unwrap_or_default();
    let labelled = |case: &&CaseFiles| case.role() == Role::Train && !validation.contains(case);
    let split = arguments.split.clone();
    let split = split.or_else(|| arguments.preset.map(|_| "train".to_owned()));
    let training = match list(&split)? {
        Some(training) => training,
        None => folder
            .pairing
            .cases
            .iter()
            .filter(labelled)
            .cloned()
            .collect(),
    };
    if !training.iter().any(|case| case.role() == Role::Train) {
        return Err(Error::from(DatasetError::NoLabelledCase).into());
    }
    Ok((training, validation))
}

/// Says which classes no training case has: nothing can be learned about them.
fn warn_of_missing(labels: &LabelSet, cases: &[Outline], console: &Console) {
    let present: BTreeSet<u16> = cases
        .iter()
        .flat_map(|case| &case.labels)
        .copied()
        .collect();
    let named = labels.ids().iter().zip(labels.names()).skip(1);
    for (_, name) in named.filter(|(id, _)| !present.contains(id)) {
        console.warn(format!("no training case has {name}: it will not be found"));
    }
}
