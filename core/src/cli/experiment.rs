//! `core experiment`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::Args;
use futures::executor::block_on;

use super::console::{Console, Progress, duration, interrupt_flag};
use super::curves::Curves;
use super::files::{Folder, read, unwritable, write};
use super::shard::Shard;
use super::{Failure, Outcome};
use crate::Error;
use crate::dataset::{Case, Role, Split, label_names};
use crate::device::{self, DeviceKind};
use crate::experiment::{Cell, CellResult, Event, Experiment, Runner, Source};
use crate::train::{self, CheckpointKind};
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
    /// Where to compute: cpu, wgpu, cuda or cuda:N.
    #[arg(long, default_value = "cpu")]
    device: DeviceKind,
    /// Part of the cells: I/N, or N where a cluster numbers the parts. Without it, once all parts are
    /// done, the table is written.
    #[arg(long, value_name = "I/N")]
    shard: Option<String>,
    /// Do cells again that were done with other settings.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let file = arguments.file.display().to_string();
    let text = String::from_utf8_lossy(&read(&arguments.file)?).into_owned();
    let experiment = Experiment::from_toml(&file, &text)?;
    let scans = Scans {
        folder: Folder::open(&arguments.data)?,
        root: &arguments.data,
    };
    let cells = experiment.cells(&scans)?;
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
    if !open.is_empty() {
        let device = block_on(device::open(arguments.device))?;
        console.say(format!("training on {}", device.description));
        let runner = Runner::new(&scans, open, &device.device);
        block_on(drive(runner, &arguments.out, console))?;
    }
    if shard.is_whole() {
        return tabulate(&arguments, &experiment, &cells, console);
    }
    console.say("run it once without --shard when all parts are done, for the table");
    Ok(())
}

/// A finished cell's result; `None` where it is to be done.
fn finished(arguments: &Arguments, cell: &Cell) -> Result<Option<CellResult>, Failure> {
    let path = arguments.out.join(cell.folder()).join("result.json");
    if !path.exists() {
        return Ok(None);
    }
    let result: Option<CellResult> = serde_json::from_slice(&read(&path)?).ok();
    match result {
        Some(result) if cell.is_same(&result.cell) => Ok(Some(result)),
        _ if arguments.force => Ok(None),
        _ => Err(Failure::Message(format!(
            "{} was done with other settings or cases; choose another --out, or add --force to do it again",
            path.display()
        ))),
    }
}

/// Writes what a runner reports into the cells' run folders.
async fn drive(mut runner: Runner<'_, Scans<'_>>, out: &Path, console: &Console) -> Outcome {
    let interrupted = interrupt_flag();
    let mut run: Option<RunFolder> = None;
    while let Some(event) = runner.next().await? {
        if let Event::Cell {
            cell,
            number,
            cells,
        } = &event
        {
            console.say(format!("cell {number} of {cells}: {}", cell.folder()));
            run = Some(RunFolder::new(out.join(cell.folder()), cell, console)?);
        }
        if let Some(run) = &mut run {
            run.event(&event, console)?;
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
    folder: Folder,
    root: &'a Path,
}

impl Source for Scans<'_> {
    type Error = Failure;

    fn list(&self, name: &str) -> Result<Vec<String>, Failure> {
        let Some((file, list)) = name.rsplit_once(':') else {
            return Err(Failure::Message(format!(
                "{name:?} is no list of the experiment: give it in [lists], or write FILE:LIST with a JSON file of the data folder"
            )));
        };
        let path = self.root.join(file);
        let text = read(&path)?;
        let file = path.display().to_string();
        let split = Split::from_json(&file, &String::from_utf8_lossy(&text), list);
        Ok(split.map_err(Error::from)?.cases)
    }

    fn read(&self, case: &str) -> Result<Case, Failure> {
        let mut cases = self.folder.pairing.cases.iter();
        let found = cases.find(|files| files.id == case && files.role() == Role::Train);
        let files = found.ok_or_else(|| {
            Failure::Message(format!(
                "{} has no image with labels of the case {case}; correct the list",
                self.root.display()
            ))
        })?;
        self.folder.read(files)
    }

    fn label_names(&self) -> BTreeMap<u16, String> {
        let json = self.folder.dataset_json.as_deref();
        json.map(label_names).unwrap_or_default()
    }
}

/// One cell's folder and its progress on the screen.
struct RunFolder {
    path: PathBuf,
    log: File,
    curves: Curves,
    progress: Option<Progress>,
}

impl RunFolder {
    fn new(path: PathBuf, cell: &Cell, console: &Console) -> Result<Self, Failure> {
        let predicted = path.join("predicted");
        std::fs::create_dir_all(&predicted).map_err(|error| unwritable(&predicted, &error))?;
        // A cell that is done again is not done until it has a new result.
        let _ = std::fs::remove_file(path.join("result.json"));
        let text = toml::to_string(&cell.config).map_err(|error| {
            Failure::Message(format!("the settings cannot be written: {error}"))
        })?;
        write(&path.join("config.toml"), text.as_bytes())?;
        let log = path.join("log.jsonl");
        let log = File::create(&log).map_err(|error| unwritable(&log, &error))?;
        Ok(Self {
            curves: Curves::new(&path)?,
            progress: Some(console.progress(cell.config.iterations, "step")),
            path,
            log,
        })
    }

    fn event(&mut self, event: &Event, console: &Console) -> Outcome {
        match event {
            Event::Cell { .. } => {}
            Event::Training(event) => self.training(event)?,
            Event::Case {
                segmentation,
                score,
                ..
            } => {
                let name = format!("predicted/{}.nii.gz", score.case);
                write(
                    &self.path.join(name),
                    &gzip(&segmentation.labels.to_nifti()),
                )?;
            }
            Event::Finished(result) => {
                let json = serde_json::to_string_pretty(result).unwrap_or_default();
                write(&self.path.join("result.json"), json.as_bytes())?;
                let dice = result.evaluation.mean.dice;
                console.say(format!(
                    "Dice {} over {} cases, trained in {}",
                    dice.map_or("-".to_owned(), |dice| dice.text(4)),
                    result.evaluation.cases.len(),
                    duration(result.seconds)
                ));
            }
        }
        Ok(())
    }

    fn training(&mut self, event: &train::Event) -> Outcome {
        let line = serde_json::to_string(event).unwrap_or_default();
        let path = self.path.join("log.jsonl");
        writeln!(self.log, "{line}").map_err(|error| unwritable(&path, &error))?;
        self.curves.event(event)?;
        match event {
            train::Event::Step {
                iteration,
                losses,
                remaining_seconds,
                ..
            } => {
                if let Some(progress) = &mut self.progress {
                    let detail = format!("loss {:.4},", losses.total);
                    progress.at(*iteration, *remaining_seconds, &detail);
                }
            }
            train::Event::Checkpoint { kind, weights, .. } if *kind == CheckpointKind::Last => {
                write(&self.path.join("last.safetensors"), weights)?;
            }
            train::Event::Finished { .. } => {
                if let Some(progress) = self.progress.take() {
                    progress.clear();
                }
            }
            _ => {}
        }
        Ok(())
    }
}
