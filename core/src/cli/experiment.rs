//! `core experiment`.

mod bars;
mod dry;
mod figures;
mod run_folder;
mod scans;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::Args;
use futures::executor::block_on;

pub(super) use self::run_folder::{RunFolder, files, finished, segmentations};
use self::scans::Scans;
use super::cache::Cache;
use super::cases::Reader;
use super::console::{Console, interrupt_flag};
use super::files::{read, write};
use super::folder::{Folder, FolderOptions};
use super::inputs::refuse_inputs;
use super::listing::Listing;
use super::shard::Shard;
use super::train::{open_devices, others};
use super::{Failure, Outcome};
use crate::device::DeviceKind;
use crate::experiment::{Cell, CellResult, Event, Experiment, Runner};

#[derive(Args)]
pub(super) struct Arguments {
    /// The experiment in TOML.
    file: PathBuf,
    /// Folder with scans and labels: Decathlon, nnU-Net, or any names that pair.
    #[arg(long)]
    data: PathBuf,
    /// Folder for the table and a run folder per cell; what is finished there is not done again.
    #[arg(long, required_unless_present = "dry_run")]
    out: Option<PathBuf>,
    /// Settings in TOML that override those of the experiment and of all its rows, such as iterations, and seeds: to
    /// try an experiment out. The table lists them.
    #[arg(long = "override", value_name = "FILE")]
    overrides: Option<PathBuf>,
    /// Only list the cells and the cases of each list, beside how many were published; only names are read, and nothing
    /// is written.
    #[arg(long, conflicts_with_all = ["table", "force"])]
    dry_run: bool,
    /// Where to compute: cpu, wgpu, cuda, cuda:N, or ws://host:port where `core serve` runs. Several, separated by
    /// commas, share the batches of every step (accumulation of each row); the first segments.
    #[arg(long, default_value = "cpu", value_delimiter = ',')]
    device: Vec<DeviceKind>,
    /// Cache folder for prepared cases, used by all cells instead of memory.
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    /// Part of the cells: I/N, or N where a cluster numbers the parts. Without it, once all parts are
    /// done, the table is written.
    #[arg(long, value_name = "I/N")]
    shard: Option<String>,
    /// Only write the table of the cells that are done.
    #[arg(long, conflicts_with = "shard")]
    table: bool,
    /// Also draw the results into this folder: panels.png, the case in which the rows differ most, and dice.svg, the
    /// mean Dice of every row as bars; with --table, those that are there.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["dry_run", "shard"])]
    figure: Option<PathBuf>,
    /// Repeat cells that were done with other settings.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let experiment = plan(&arguments)?;
    let scans = open_scans(&arguments, &experiment, console)?;
    let cells = experiment.cells(&scans)?;
    let shard = Shard::choose(arguments.shard.as_deref())?;
    let mine = shard.take(cells.clone());
    let Some(out) = arguments.out.as_deref().filter(|_| !arguments.dry_run) else {
        check(&scans, &experiment, &mine)?;
        for line in dry::lines(&experiment, &mine) {
            console.say(line);
        }
        return Ok(());
    };
    refuse_replacing(&arguments, out, &cells, &scans.reader.folder)?;
    let mut open = Vec::new();
    for cell in &mine {
        if finished(&out.join(cell.folder()), arguments.force, cell)?.is_none() {
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
        check(&scans, &experiment, &open)?;
        for cell in &open {
            cell.check_devices(arguments.device.len())?;
        }
        let (devices, description) = open_devices(arguments.device.clone())?;
        console.say(format!("training on {description}"));
        let runner = Runner::new(&scans, open, &devices[0].device).sharing(&others(&devices));
        block_on(drive(runner, out, &description, console))?;
    }
    if !shard.is_whole() {
        console.say("run it once without --shard when all parts are done, for the table and figures");
        return Ok(());
    }
    let results = all_finished(out, arguments.force, &cells)?;
    tabulate(out, &experiment, &results, console)?;
    match &arguments.figure {
        Some(folder) => figures::draw(folder, out, &experiment, &scans, &results, console),
        None => Ok(()),
    }
}

/// The scans of the data folder.
fn open_scans<'a>(
    arguments: &'a Arguments,
    experiment: &Experiment,
    console: &'a Console,
) -> Result<Scans<'a>, Failure> {
    let listing = Listing::without(&arguments.data, arguments.out.as_deref())?;
    let folder = Folder::open(&arguments.data, listing, FolderOptions::default(), console)?;
    Ok(Scans {
        reader: Reader {
            folder: Arc::new(folder),
            // A dry run does not prepare cases.
            cache: match &arguments.cache {
                Some(cache) if !arguments.dry_run => Some(Cache::open(cache)?),
                _ => None,
            },
            // The table must cover all of its cases.
            strict: true,
            console,
        },
        root: &arguments.data,
        file: &arguments.file,
        out: arguments.out.as_deref(),
        preset: experiment.preset,
    })
}

/// Refuses an experiment whose files would replace what it reads.
fn refuse_replacing(arguments: &Arguments, out: &Path, cells: &[Cell], folder: &Folder) -> Outcome {
    let of_cell = |cell: &Cell| files(&out.join(cell.folder()), cell);
    let tables = ["table.md", "table.csv"].map(|name| out.join(name));
    let figures = arguments.figure.iter().flat_map(|folder| figures::files(folder));
    let results = cells.iter().flat_map(of_cell).chain(tables).chain(figures);
    let scans = folder.listing.paths();
    refuse_inputs(
        results,
        scans
            .chain([arguments.file.as_path()])
            .chain(arguments.overrides.as_deref()),
    )
}

/// The experiment that the arguments name.
fn plan(arguments: &Arguments) -> Result<Experiment, Failure> {
    let text = |path: &Path| -> Result<(String, String), Failure> {
        let text = String::from_utf8_lossy(&read(path)?).into_owned();
        Ok((path.display().to_string(), text))
    };
    let (file, experiment) = text(&arguments.file)?;
    let experiment = Experiment::from_toml(&file, &experiment)?;
    match &arguments.overrides {
        None => Ok(experiment),
        Some(path) => {
            let (file, overrides) = text(path)?;
            Ok(experiment.overridden(&file, &overrides)?)
        }
    }
}

/// Refuses cells with missing cases before the first is trained, and says where the preset's lists differ from the
/// published ones.
fn check(scans: &Scans<'_>, experiment: &Experiment, cells: &[Cell]) -> Outcome {
    scans.find_all(cells)?;
    let lists = experiment.train.iter().chain([&experiment.evaluate]);
    let lists = lists.chain(&experiment.validate);
    // A list that the experiment defines itself is not the preset's.
    let lists = lists.filter(|list| !experiment.lists.contains_key(*list));
    for difference in scans.differing(&lists.map(String::as_str).collect()) {
        scans.reader.console.warn(difference);
    }
    Ok(())
}

/// Writes what a runner reports into the cells' run folders.
async fn drive(mut runner: Runner<'_, Scans<'_>>, out: &Path, device: &str, console: &Console) -> Outcome {
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
            run.event(&event, runner.trainer(), console).await?;
        }
        if interrupted.load(Ordering::SeqCst) {
            return Err(Failure::Interrupted);
        }
    }
    Ok(())
}

/// The results of all cells that are done, including those of other shards.
fn all_finished(out: &Path, force: bool, cells: &[Cell]) -> Result<Vec<CellResult>, Failure> {
    let mut results = Vec::new();
    for cell in cells {
        results.extend(finished(&out.join(cell.folder()), force, cell)?);
    }
    Ok(results)
}

/// Writes the table of these results.
fn tabulate(out: &Path, experiment: &Experiment, results: &[CellResult], console: &Console) -> Outcome {
    let table = experiment.table(results);
    let markdown = table.to_markdown();
    write(&out.join("table.md"), markdown.as_bytes())?;
    write(&out.join("table.csv"), table.to_csv().as_bytes())?;
    console.say(markdown);
    Ok(())
}
