//! `core train`.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::{Args, ValueEnum};
use futures::executor::block_on;
use serde_json::json;

use super::console::{Console, Progress, duration, interrupt_flag};
use super::curves::Curves;
use super::files::{Folder, Whole, make_folder, read, unwritable, write};
use super::{Failure, Outcome};
use crate::Error;
use crate::backbone::{Backbone, Size};
use crate::dataset::{Case, CaseFiles, DatasetError, LabelSet, Preset, Role, Split, label_names};
use crate::device::{self, DeviceKind};
use crate::medcontext::MedContext;
use crate::train::{self, CheckpointKind, Event, RunState, Start, TrainConfig, Trainer};

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
    #[arg(long, value_name = "D,H,W", value_delimiter = ',', num_args = 1)]
    patch: Option<Vec<usize>>,
    /// The joint self-supervised part.
    #[arg(long)]
    medcontext: Option<Method>,
    /// Where to compute: cpu, wgpu, cuda or cuda:N.
    #[arg(long, default_value = "cpu")]
    device: DeviceKind,
    /// Optimiser steps.
    #[arg(long)]
    iterations: Option<usize>,
    /// Patches per step.
    #[arg(long)]
    batch_size: Option<usize>,
    /// Learning rate after warm-up.
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Seed of every random choice.
    #[arg(long)]
    seed: Option<u64>,
    /// Go on with the run in --out from its last checkpoint, or begin it where there is none.
    #[arg(long)]
    resume: bool,
    /// Write into a folder that is not empty; go on with a run although its settings changed.
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Method {
    /// The paper's settings.
    Paper,
    /// The released code's for UNETR.
    ReleasedUnetr,
    /// The released code's for nnFormer.
    ReleasedNnformer,
    /// Without MedContext.
    Off,
}

/// The file of a run's folder that holds its state.
const STATE: &str = "state.safetensors";

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let folder = Folder::open(&arguments.data)?;
    let (training, validation) = select(&arguments, &folder)?;
    let training = read_cases(&folder, &training, console)?;
    let validation = read_cases(&folder, &validation, console)?;
    let names = folder
        .dataset_json
        .as_deref()
        .map(label_names)
        .unwrap_or_default();
    let (config, labels) = configure(&arguments, &training)?;
    let labels = match labels {
        Some(labels) => labels,
        None => LabelSet::from_cases(&training, &names).map_err(Error::from)?,
    };
    let state = match arguments.resume {
        true => find_state(&arguments, &config)?,
        false => None,
    };
    let weights = arguments.start.as_deref().map(read).transpose()?;
    let start = match (&state, &weights) {
        (Some(state), _) => Start::State(state),
        (None, Some(weights)) => Start::Weights(weights),
        (None, None) => Start::Scratch,
    };

    let device = block_on(device::open(arguments.device))?;
    let trainer = Trainer::new(
        config.clone(),
        training,
        validation,
        labels,
        start,
        &device.device,
    )?;
    make_folder(&arguments.out, arguments.force || arguments.resume)?;
    let text = toml::to_string(&config)
        .map_err(|error| Failure::Message(format!("the settings cannot be written: {error}")))?;
    write(&arguments.out.join("config.toml"), text.as_bytes())?;
    console.say(format!("training on {}", device.description));
    let done = state.as_deref().map(steps_of).transpose()?;
    let mut report = Report::new(
        &arguments.out,
        console,
        config.iterations,
        device.description,
        done,
    )?;
    block_on(drive(trainer, &mut report))
}

/// The state of the run in the output folder, whose settings have to be these unless forced.
fn find_state(arguments: &Arguments, config: &TrainConfig) -> Result<Option<Vec<u8>>, Failure> {
    let path = arguments.out.join(STATE);
    if !path.exists() {
        return Ok(None);
    }
    let bytes = read(&path)?;
    let unusable = |error| Failure::Message(format!("{}: the weights {error}", path.display()));
    let old = RunState::read(&bytes).map_err(unusable)?.config;
    let changed = differences(&old, config);
    if !changed.is_empty() && !arguments.force {
        return Err(Failure::Message(format!(
            "{} was trained with another {}; give the same settings, or add --force to go on with the new ones",
            arguments.out.display(),
            changed.join(", ")
        )));
    }
    Ok(Some(bytes))
}

/// Names of the settings that are not the same.
fn differences(old: &TrainConfig, new: &TrainConfig) -> Vec<String> {
    let table = |config| toml::Table::try_from(config).unwrap_or_default();
    let (old, new) = (table(old), table(new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .cloned()
        .collect()
}

fn steps_of(state: &[u8]) -> Result<usize, Failure> {
    Ok(RunState::read(state).map_err(Error::from)?.iteration)
}

/// Passes every event on, and stops the trainer when Ctrl-C was pressed.
async fn drive(mut trainer: Trainer, report: &mut Report<'_>) -> Outcome {
    let interrupted = interrupt_flag();
    while let Some(event) = trainer.next().await? {
        report.event(&event)?;
        if let Event::Checkpoint {
            kind: CheckpointKind::Last,
            ..
        } = event
        {
            let mut file = Whole::create(&report.out.join(STATE))?;
            trainer.write_state(&mut file).await?;
            file.finish()?;
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

fn read_cases(
    folder: &Folder,
    files: &[CaseFiles],
    console: &Console,
) -> Result<Vec<Case>, Failure> {
    let labelled = files.iter().filter(|files| files.role() == Role::Train);
    let cases: Result<Vec<Case>, Failure> = labelled.map(|files| folder.read(files)).collect();
    let cases = cases?;
    for case in &cases {
        for warning in case.warnings() {
            console.warn(format!("{}: {warning}", case.id));
        }
    }
    Ok(cases)
}

/// Suggested settings or those of the preset, then the configuration file, then the command line; and
/// the labels where the preset knows them.
fn configure(
    arguments: &Arguments,
    training: &[Case],
) -> Result<(TrainConfig, Option<LabelSet>), Failure> {
    let (mut config, labels) = match arguments.preset {
        None => (TrainConfig::suggest(training), None),
        Some(preset) => {
            let backbone = arguments.backbone.unwrap_or(Backbone::Unetr);
            let settings = preset.settings(backbone, training).map_err(Error::from)?;
            (settings.config, settings.labels)
        }
    };
    let suggested = config.patch;
    if let Some(path) = &arguments.config {
        config = overlay(&config, path)?;
    }
    if let Some(patch) = &arguments.patch {
        config.patch = patch.as_slice().try_into().map_err(|_| {
            Failure::Message("a patch needs three sides: write --patch D,H,W".to_owned())
        })?;
    }
    if arguments.backbone.is_some() || arguments.size.is_some() {
        config.network = None;
    }
    if arguments.preset.is_none() {
        set(&mut config.backbone, arguments.backbone);
    }
    set(&mut config.size, arguments.size);
    if arguments.patch.is_none() && config.patch == suggested {
        config.fit_patch();
    }
    set(&mut config.iterations, arguments.iterations);
    set(&mut config.batch_size, arguments.batch_size);
    set(&mut config.learning_rate, arguments.learning_rate);
    set(&mut config.seed, arguments.seed);
    config.new_head |= arguments.new_head;
    match arguments.medcontext {
        Some(Method::Off) => config.medcontext.enabled = false,
        Some(Method::Paper) => config.medcontext = MedContext::paper(),
        Some(Method::ReleasedUnetr) => config.medcontext = MedContext::released_unetr(),
        Some(Method::ReleasedNnformer) => config.medcontext = MedContext::released_nnformer(),
        None => {}
    }
    Ok((config, labels))
}

fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

/// `config` with the values that a TOML file gives.
fn overlay(config: &TrainConfig, path: &Path) -> Result<TrainConfig, Failure> {
    let bad = |problem: String| {
        Failure::Message(format!(
            "{}: {problem}; correct the settings",
            path.display()
        ))
    };
    let text = String::from_utf8(read(path)?).map_err(|error| bad(error.to_string()))?;
    let given: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| bad(error.message().to_owned()))?;
    train::overlay(config, given).map_err(bad)
}

/// The lines of a log about the first `done` steps.
fn log_until(path: &Path, done: usize) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let step_of = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).ok()?;
        event["iteration"].as_u64()
    };
    let kept = text
        .lines()
        .filter(|line| step_of(line).is_some_and(|step| step <= done as u64));
    kept.flat_map(|line| {
        [
            line, "
",
        ]
    })
    .collect()
}

/// The run folder and the screen.
struct Report<'a> {
    out: &'a Path,
    log: File,
    curves: Curves,
    progress: Option<Progress>,
    device: String,
    /// Supervised loss, smoothed for the eye.
    smooth: Option<f64>,
    console: &'a Console,
}

impl<'a> Report<'a> {
    fn new(
        out: &'a Path,
        console: &'a Console,
        iterations: usize,
        device: String,
        done: Option<usize>,
    ) -> Result<Self, Failure> {
        let path = out.join("log.jsonl");
        // Of a run that goes on, what its state knows of; later steps are done again.
        let kept = done.map(|done| log_until(&path, done)).unwrap_or_default();
        write(&path, kept.as_bytes())?;
        let log = OpenOptions::new().append(true).open(&path);
        Ok(Self {
            out,
            log: log.map_err(|error| unwritable(&path, &error))?,
            curves: Curves::new(out)?,
            progress: Some(console.progress(iterations, "step")),
            device,
            smooth: None,
            console,
        })
    }

    fn event(&mut self, event: &Event) -> Outcome {
        let line = serde_json::to_string(event).unwrap_or_default();
        let path = self.out.join("log.jsonl");
        writeln!(self.log, "{line}").map_err(|error| unwritable(&path, &error))?;
        self.curves.event(event)?;
        let Some(progress) = &mut self.progress else {
            return Ok(());
        };
        match event {
            Event::Started {
                parameters,
                training_cases,
                validation_cases,
                ..
            } => {
                progress.say(&format!(
                    "{parameters} parameters, {training_cases} training cases, {validation_cases} validation cases"
                ));
            }
            Event::Step {
                iteration,
                losses,
                seconds,
                remaining_seconds,
                ..
            } => {
                let smooth = self
                    .smooth
                    .map_or(losses.total, |old| 0.9 * old + 0.1 * losses.total);
                self.smooth = Some(smooth);
                let detail = format!("loss {smooth:.4}, {seconds:.2} s/step,");
                progress.at(*iteration, *remaining_seconds, &detail);
            }
            Event::Validated {
                iteration,
                dice,
                best,
                ..
            } => {
                let best = if *best { ", the best so far" } else { "" };
                progress.say(&format!(
                    "step {iteration}: validation Dice {dice:.4}{best}"
                ));
            }
            Event::Checkpoint { kind, weights, .. } => {
                let name = match kind {
                    CheckpointKind::Last => "last.safetensors",
                    CheckpointKind::Best => "best.safetensors",
                };
                write(&self.out.join(name), weights)?;
            }
            Event::Finished { .. } => self.finish(event)?,
        }
        Ok(())
    }

    fn finish(&mut self, event: &Event) -> Outcome {
        let Event::Finished {
            iteration,
            stopped,
            best_dice,
            seconds,
        } = event
        else {
            return Ok(());
        };
        let summary = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "device": self.device,
            "iterations": iteration,
            "stopped": stopped,
            "best_dice": best_dice,
            "seconds": seconds,
            "seconds_per_iteration": seconds / (*iteration).max(1) as f64,
        });
        let text = serde_json::to_string_pretty(&summary).unwrap_or_default();
        write(&self.out.join("summary.json"), text.as_bytes())?;
        self.close();
        self.console.say(format!(
            "{iteration} steps in {}; weights are in {}",
            duration(*seconds),
            self.out.display()
        ));
        Ok(())
    }

    fn close(&mut self) {
        if let Some(progress) = self.progress.take() {
            progress.clear();
        }
    }
}
