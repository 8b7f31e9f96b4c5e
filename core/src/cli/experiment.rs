//! `core experiment`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::Args;
use futures::executor::block_on;

use super::cache::Cache;
use super::cases::Reader;
use super::console::{Console, interrupt_flag};
use super::files::{encoded, make_folder, read, unwritable, write};
use super::folder::{Folder, FolderOptions};
use super::inputs::refuse_inputs;
use super::listing::Listing;
use super::shard::Shard;
use super::train::{FILES, Report, STATE};
use super::{Failure, Outcome};
use crate::Error;
use crate::dataset::{Case, CaseFiles, LabelSet, Preset, Split};
use crate::device::{self, DeviceKind};
use crate::experiment::{Cell, CellResult, Event, Experiment, Runner, Source};
use crate::file_names::{FileNames, fitting};
use crate::train::{self, CheckpointKind, RunState, TrainingSet};
use crate::volume::gzip;

#[derive(Args)]
pub(super) struct Arguments {
    /// The experiment in TOML.
    file: PathBuf,
    /// Folder with scans and labels: Decathlon, nnU-Net, or any names that pair.
    #[arg(long)]
    data: PathBuf,
    /// Folder for the table and a run folder per cell; what is finished there is not done again.
    #[arg(long)]
    out: PathBuf,
    /// Where to compute: cpu, wgpu, cuda, cuda:N, or ws://host:port where `core serve` runs.
    #[arg(long, default_value = "cpu")]
    device: DeviceKind,
    /// Folder for prepared cases: they are kept there instead of in memory, for all cells.
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    /// Part of the cells: I/N, or N where a cluster numbers the parts. Without it, once all parts are
    /// done, the table is written.
    #[arg(long, value_name = "I/N")]
    shard: Option<String>,
    /// Only write the table of the cells that are done.
    #[arg(long, conflicts_with = "shard")]
    table: bool,
    /// Do cells again that were done with other settings.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let file = arguments.file.display().to_string();
    let text = String::from_utf8_lossy(&read(&arguments.file)?).into_owned();
    let experiment = Experiment::from_toml(&file, &text)?;
    let listing = Listing::without(&arguments.data, Some(&arguments.out))?;
    let folder = Folder::open(&arguments.data, listing, FolderOptions::default(), console)?;
    let scans = Scans {
        reader: Reader {
            folder: Arc::new(folder),
            cache: arguments.cache.as_deref().map(Cache::open).transpose()?,
            // A table is of all of its cases.
            strict: true,
            console,
        },
        root: &arguments.data,
        out: &arguments.out,
        preset: experiment.preset,
    };
    let cells = experiment.cells(&scans)?;
    refuse_replacing(&arguments, &cells, &scans.reader.folder)?;
    let shard = Shard::choose(arguments.shard.as_deref())?;
    let mine = shard.take(cells.clone());
    let mut open = Vec::new();
    for cell in &mine {
        if finished(&arguments, cell)?.is_none() {
            open.push(cell.clone());
        }
    }
    let part = if shard.is_whole() {
        String::new()
    } else {
        format!(", {shard}")
    };
    console.say(format!(
        "{}: {} cells{part}, {} of them done",
        experiment.title,
        mine.len(),
        mine.len() - open.len()
    ));
    if !open.is_empty() && !arguments.table {
        let device = block_on(device::open(arguments.device.clone()))?;
        console.say(format!("training on {}", device.description));
        let runner = Runner::new(&scans, open, &device.device);
        block_on(drive(runner, &arguments.out, &device.description, console))?;
    }
    if shard.is_whole() {
        return tabulate(&arguments, &experiment, &cells, console);
    }
    console.say("run it once without --shard when all parts are done, for the table");
    Ok(())
}

/// Refuses an experiment whose files would replace what it reads.
fn refuse_replacing(arguments: &Arguments, cells: &[Cell], folder: &Folder) -> Outcome {
    let of_cell = |cell: &Cell| {
        let path = arguments.out.join(cell.folder());
        let predicted = predicted(cell).into_values();
        let predicted = predicted.map(|name| format!("{PREDICTED}/{name}"));
        let files = FILES.into_iter().chain(["result.json"]).map(str::to_owned);
        let files: Vec<PathBuf> = files.chain(predicted).map(|name| path.join(name)).collect();
        files
    };
    let tables = ["table.md", "table.csv"].map(|name| arguments.out.join(name));
    let results = cells.iter().flat_map(of_cell).chain(tables);
    let scans = folder.listing.paths();
    refuse_inputs(results, scans.chain([arguments.file.as_path()]))
}

/// The folder of a cell's segmentations.
const PREDICTED: &str = "predicted";

/// Names of the files of a cell's segmentations by case, no two of which are one file.
fn predicted(cell: &Cell) -> BTreeMap<String, String> {
    let mut names = FileNames::default();
    let cases = cell.evaluation.iter();
    cases
        .map(|case| (case.clone(), names.take(case, ".nii.gz")))
        .collect()
}

/// A finished cell's result; `None` where it is to be done.
fn finished(arguments: &Arguments, cell: &Cell) -> Result<Option<CellResult>, Failure> {
    let path = arguments.out.join(cell.folder()).join("result.json");
    if !path.exists() {
        return Ok(None);
    }
    let result: Option<CellResult> = serde_json::from_slice(&read(&path)?).ok();
    match result {
        Some(result) if result.cell == *cell => Ok(Some(result)),
        _ if arguments.force => Ok(None),
        _ => Err(Failure::Message(format!(
            "{} was done with other settings or cases; choose another --out, or add --force to do it again",
            path.display()
        ))),
    }
}

/// Writes what a runner reports into the cells' run folders.
async fn drive(
    mut runner: Runner<'_, Scans<'_>>,
    out: &Path,
    device: &str,
    console: &Console,
) -> Outcome {
    let interrupted = interrupt_flag();
    let mut run: Option<RunFolder> = None;
    while let Some(event) = runner.next().await? {
        if let Event::Cell {
            cell,
            number,
            cells,
            done,
        } = &event
        {
            console.say(format!("cell {number} of {cells}: {}", cell.folder()));
            let path = out.join(cell.folder());
            run = Some(RunFolder::new(path, cell, device, *done, console)?);
        }
        if let Some(run) = &mut run {
            run.event(&event, console)?;
            let kept = matches!(
                event,
                Event::Training(train::Event::Checkpoint {
                    kind: CheckpointKind::Last,
                    ..
                })
            );
            if let Some(trainer) = runner.trainer().filter(|_| kept) {
                run.report.keep_state(trainer).await?;
            }
        }
        if interrupted.load(Ordering::SeqCst) {
            return Err(Failure::Interrupted);
        }
    }
    Ok(())
}

/// The table of all cells, those of other parts included.
fn tabulate(
    arguments: &Arguments,
    experiment: &Experiment,
    cells: &[Cell],
    console: &Console,
) -> Outcome {
    let mut results = Vec::new();
    for cell in cells {
        results.extend(finished(arguments, cell)?);
    }
    let table = experiment.table(&results);
    let markdown = table.to_markdown();
    write(&arguments.out.join("table.md"), markdown.as_bytes())?;
    write(&arguments.out.join("table.csv"), table.to_csv().as_bytes())?;
    console.say(markdown);
    Ok(())
}

/// The scans of a data folder.
struct Scans<'a> {
    reader: Reader<'a>,
    root: &'a Path,
    /// The experiment's own folder.
    out: &'a Path,
    preset: Option<Preset>,
}

impl Scans<'_> {
    /// The files of a labelled case.
    fn find(&self, case: &str) -> Result<&CaseFiles, Failure> {
        let mut cases = self.reader.folder.pairing.cases.iter();
        let found = cases.find(|files| files.id == case && files.is_labelled());
        found.ok_or_else(|| {
            Failure::Message(format!(
                "{} has no image with labels of the case {case}; correct the list",
                self.root.display()
            ))
        })
    }
}

impl Source for Scans<'_> {
    type Error = Failure;

    fn list(&self, name: &str) -> Result<Vec<String>, Failure> {
        let Some((file, list)) = Split::choice(name) else {
            if let Some(preset) = self.preset {
                let cases = preset.select(name, &self.reader.folder.pairing.cases);
                let cases = cases.map_err(Error::from)?.into_iter();
                return Ok(cases.map(|case| case.id).collect());
            }
            return Err(Failure::Message(format!(
                "{name:?} is no list of the experiment: give it in [lists], or write FILE:LIST with a JSON file of the data folder"
            )));
        };
        let path = self.root.join(file);
        let text = read(&path)?;
        let file = path.display().to_string();
        let split = Split::from_json(&file, &text, list);
        Ok(split.map_err(Error::from)?.cases)
    }

    fn state(&self, cell: &Cell) -> Result<Option<Vec<u8>>, Failure> {
        let path = self.out.join(cell.folder()).join(STATE);
        if !path.exists() {
            return Ok(None);
        }
        // A state of other settings is of no use to this cell.
        let bytes = read(&path)?;
        let same = |state: RunState| state.config == cell.config && state.cases == cell.training;
        Ok(RunState::read(&bytes).is_ok_and(same).then_some(bytes))
    }

    fn read(&self, case: &str) -> Result<Case, Failure> {
        Ok(self.reader.folder.read(self.find(case)?)?)
    }

    fn training(&self, cell: &Cell) -> Result<(LabelSet, TrainingSet), Failure> {
        let files = cell.training.iter().map(|name| self.find(name).cloned());
        let cases = self.reader.read(&files.collect::<Result<Vec<_>, _>>()?)?;
        let labels = self.reader.labels(&cases, cell.learned.clone())?;
        let prepared = self.reader.training(cases, &labels, &cell.config)?;
        Ok((labels, prepared))
    }

    fn label_names(&self) -> BTreeMap<u16, String> {
        self.reader.folder.label_names()
    }
}

/// One cell's folder.
struct RunFolder<'a> {
    path: PathBuf,
    /// Names of the segmentations by case.
    predicted: BTreeMap<String, String>,
    report: Report<'a>,
}

impl<'a> RunFolder<'a> {
    /// Starts a cell's folder, or goes on with it after `done` steps.
    fn new(
        path: PathBuf,
        cell: &Cell,
        device: &str,
        done: Option<usize>,
        console: &'a Console,
    ) -> Result<Self, Failure> {
        make_folder(&path.join(PREDICTED), true)?;
        // A cell that is done again is not done until it has a new result.
        let old = path.join("result.json");
        if old.exists() {
            std::fs::remove_file(&old).map_err(|error| unwritable(&old, &error))?;
        }
        let text = cell.config.to_toml()?;
        write(&path.join("config.toml"), text.as_bytes())?;
        let device = device.to_owned();
        let report = Report::new(&path, console, cell.config.iterations, device, done)?;
        Ok(Self {
            path,
            predicted: predicted(cell),
            report,
        })
    }

    fn event(&mut self, event: &Event, console: &Console) -> Outcome {
        match event {
            Event::Cell { .. } => {}
            Event::Training(event) => self.report.event(event)?,
            Event::Case {
                segmentation,
                score,
                ..
            } => {
                let name = self.predicted.get(&score.case).cloned();
                let name = name.unwrap_or_else(|| fitting(&score.case, ".nii.gz"));
                let path = self.path.join(PREDICTED).join(name);
                write(&path, &gzip(&segmentation.labels.to_nifti()))?;
            }
            Event::Finished(result) => {
                let path = self.path.join("result.json");
                let json = encoded(&path, serde_json::to_string_pretty(result))?;
                write(&path, json.as_bytes())?;
                // Nothing goes on from here; that it stays does no harm either.
                let _ = std::fs::remove_file(self.path.join(STATE));
                let dice = result.evaluation.mean.dice;
                console.say(format!(
                    "Dice {} over {} cases",
                    dice.map_or("-".to_owned(), |dice| dice.text(4)),
                    result.evaluation.cases.len()
                ));
            }
        }
        Ok(())
    }
}
