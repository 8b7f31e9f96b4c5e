//! `core train --folds`: cross-validation.

mod scans;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use burn::tensor::Device;
use futures::executor::block_on;

use self::scans::FoldScans;
use super::cache::Cache;
use super::cases::{Cases, Reader};
use super::console::{Console, interrupt_flag};
use super::experiment::{RunFolder, files, finished, segmentations};
use super::files::{encoded, make_folder, read, read_label, refuse_used_folder, write};
use super::folder::Folder;
use super::train::{
    Arguments, Facts, configure, list, open_devices, open_folder, read_config, refuse_none, refuse_replacing,
    say_held_out, warn_of_missing,
};
use super::{Failure, Outcome};
use crate::dataset::{CaseFiles, Role};
use crate::device::ComputeDevice;
use crate::duration;
use crate::experiment::{Cell, CellResult, CrossValidation, Event, FOLDS_FILE, FoldCount, FoldSummary, Runner, folds};
use crate::plan::Budget;
use crate::weights::{Metadata, counted};

/// The file of the settings that all folds share.
const SETTINGS: &str = "config.toml";

pub(super) fn run(mut arguments: Arguments, console: &Console) -> Outcome {
    refuse_used_folder(&arguments.out, arguments.force || arguments.resume)?;
    let folder = open_folder(&arguments, console)?;
    let selected = select(&arguments, &folder, console)?;
    let mut reader = Reader {
        folder: Arc::new(folder),
        cache: arguments.cache.as_deref().map(Cache::open).transpose()?,
        strict: arguments.strict,
        console,
    };
    let cases = reader.read(&selected)?;
    cases.warn(console);
    let (devices, description) = open_devices(arguments.device.clone())?;
    let start = arguments.start.as_deref().map(read).transpose()?;
    let validation = plan(&mut arguments, &reader, &cases, &devices[0], start.as_deref())?;
    // Each fold reads its own cases, which could be read just now.
    drop(cases);
    reader.strict = true;
    let cells = validation.cells();
    let results = cells.iter().flat_map(|cell| files(&place(&arguments.out, cell), cell));
    let results: Vec<PathBuf> = results.chain(own_files(&arguments.out)).collect();
    refuse_replacing(&arguments, &reader.folder, &results)?;
    warn_of_seen(start.as_deref(), &validation, console);

    let mut run = Run {
        out: &arguments.out,
        console,
        scans: FoldScans::new(reader, selected, &arguments, start),
        results: Vec::new(),
        validation,
    };
    let open = run.take_finished(cells, &arguments)?;
    make_folder(&arguments.out, arguments.force || arguments.resume)?;
    let text = run.validation.config.to_toml()?;
    write(&arguments.out.join(SETTINGS), text.as_bytes())?;
    if !open.is_empty() {
        console.say(format!("training on {description}"));
        block_on(run.drive(open, &devices, &description))?;
    }
    let mut summary = run.validation.summary(&run.results)?;
    summary.choose_post_processing(&run.scans, &run.predicted(), |path| Ok(read_label(path)?))?;
    keep(run.out, &summary)?;
    for line in summary.to_lines() {
        console.say(line);
    }
    Ok(())
}

/// The cases to divide.
fn select(arguments: &Arguments, folder: &Folder, console: &Console) -> Result<Vec<CaseFiles>, Failure> {
    let cases = &folder.pairing.cases;
    let split = arguments.split.as_deref();
    if let Some(split) = split.or_else(|| arguments.preset.map(|_| "train")) {
        return list(split, arguments.preset, folder, console);
    }
    let training: Vec<CaseFiles> = (cases.iter())
        .filter(|case| case.role() == Role::Train)
        .cloned()
        .collect();
    say_held_out(cases, &[], false, console);
    refuse_none(&training, cases)?;
    Ok(training)
}

/// The folds, and the settings and labels of all of them. The minutes are divided by the folds.
fn plan(
    arguments: &mut Arguments,
    reader: &Reader<'_>,
    cases: &Cases,
    device: &ComputeDevice,
    start: Option<&[u8]>,
) -> Result<CrossValidation, Failure> {
    let console = reader.console;
    let ids: Vec<String> = cases.fingerprints.iter().map(|case| case.id.clone()).collect();
    let count = arguments.folds.unwrap_or(FoldCount::All);
    let number = count.of(&ids)?;
    let settings = arguments.out.join(SETTINGS);
    let resumed = match arguments.resume && settings.exists() {
        true => Some(read_config(&settings)?),
        false => None,
    };
    if let Some(minutes) = arguments.budget_minutes.as_mut().filter(|_| resumed.is_none()) {
        let all = *minutes;
        *minutes /= number as f64;
        console.say(format!("{all} minutes for {number} folds are {minutes:.1} for each"));
    } else if resumed.is_none() && arguments.preset.is_none() && arguments.iterations.is_none() {
        console.say(format!(
            "each of {number} folds is planned for {} minutes, unless the settings say how many iterations; \
             --budget-minutes is for all of them together",
            Budget::DEFAULT.minutes
        ));
    }
    let facts = Facts {
        cases: &cases.fingerprints,
        names: &reader.folder.library.label_names(),
        device,
        resumed: resumed.as_ref(),
        start,
    };
    let (config, labels) = configure(arguments, &facts, console)?;
    let labels = reader.labels(cases, labels)?;
    warn_of_missing(&labels, &cases.fingerprints, console);
    Ok(CrossValidation {
        folds: folds(&ids, count, config.seed)?,
        config,
        labels,
    })
}

/// The folder of a fold.
fn place(out: &Path, cell: &Cell) -> PathBuf {
    out.join(&cell.row)
}

/// The files that belong to no fold.
fn own_files(out: &Path) -> [PathBuf; 2] {
    [FOLDS_FILE, SETTINGS].map(|name| out.join(name))
}

/// Warns where the weights that all folds start from have seen a held-out case.
fn warn_of_seen(start: Option<&[u8]>, validation: &CrossValidation, console: &Console) {
    // Weights from other programs do not say.
    let Some(Ok(metadata)) = start.map(Metadata::read) else {
        return;
    };
    let held_out = validation.folds.iter().flat_map(|fold| &fold.held_out);
    let seen: Vec<&str> = (held_out.filter(|case| metadata.training.saw(case) == Some(true)))
        .map(String::as_str)
        .collect();
    if !seen.is_empty() {
        console.warn(format!(
            "the weights to start from were trained on held-out cases, whose Dice will be too high: {}",
            seen.join(", ")
        ));
    }
}

/// A cross-validation and what it has found so far.
struct Run<'a> {
    out: &'a Path,
    console: &'a Console,
    scans: FoldScans<'a>,
    validation: CrossValidation,
    results: Vec<CellResult>,
}

impl Run<'_> {
    /// Takes the results of finished folds, if this goes on with them, and returns the other folds.
    fn take_finished(&mut self, cells: Vec<Cell>, arguments: &Arguments) -> Result<Vec<Cell>, Failure> {
        let mut open = Vec::new();
        for cell in cells {
            let result = match arguments.resume {
                true => finished(&place(self.out, &cell), arguments.force, &cell)?,
                false => None,
            };
            match result {
                Some(result) => self.results.push(result),
                None => {
                    self.scans.check_state(&cell)?;
                    open.push(cell);
                }
            }
        }
        Ok(open)
    }

    /// The segmentations of all held-out cases, in the folders of their folds.
    fn predicted(&self) -> BTreeMap<String, PathBuf> {
        let cells = self.results.iter().map(|result| &result.cell);
        cells
            .flat_map(|cell| segmentations(&place(self.out, cell), cell))
            .collect()
    }

    /// Trains and measures the open folds, one after another, and keeps the summary up to date.
    async fn drive(&mut self, open: Vec<Cell>, devices: &[ComputeDevice], description: &str) -> Outcome {
        let [device, others @ ..] = devices else {
            return Ok(());
        };
        let Self {
            out,
            console,
            scans,
            validation,
            results,
        } = self;
        let count = validation.folds.len();
        let interrupted = interrupt_flag();
        let others: Vec<Device> = others.iter().map(|opened| opened.device.clone()).collect();
        let mut runner = Runner::new(&*scans, open, &device.device).sharing(&others);
        let (mut folder, mut number): (Option<RunFolder>, usize) = (None, 0);
        while let Some(event) = runner.next().await? {
            if let Event::Cell { cell, done, .. } = &event {
                let place = place(out, cell);
                let mut folds = validation.folds.iter();
                number = folds
                    .position(|fold| fold.folder() == cell.row)
                    .map_or(0, |index| index + 1);
                console.say(begun(cell, number, count, runner.remaining_seconds()));
                folder = Some(RunFolder::new(place, cell, description, *done, console)?);
            }
            if let Some(folder) = &mut folder {
                folder.outlook(outlook(number, count, runner.remaining_seconds()));
                folder.event(&event, runner.trainer(), console).await?;
            }
            if let Event::Finished(result) = event {
                results.push(*result);
                keep(out, &validation.summary(results)?)?;
            }
            if interrupted.load(Ordering::SeqCst) {
                runner.stop();
            }
        }
        match interrupted.load(Ordering::SeqCst) {
            true => Err(Failure::Interrupted),
            false => Ok(()),
        }
    }
}

/// The line with which a fold begins.
fn begun(cell: &Cell, number: usize, count: usize, left: Option<f64>) -> String {
    let training = counted(cell.training.len(), "training case");
    let held_out = cell.evaluation.join(", ");
    let outlook = outlook(number, count, left);
    format!("{outlook}: {training}, held out: {held_out}")
}

/// Which fold this is, and how long all take.
fn outlook(number: usize, count: usize, left: Option<f64>) -> String {
    let left = left.map_or(String::new(), |left| {
        format!(", {} left in all", duration::in_words(left))
    });
    format!("fold {number} of {count}{left}")
}

/// Writes the summary of the finished folds.
fn keep(out: &Path, summary: &FoldSummary) -> Outcome {
    let path = out.join(FOLDS_FILE);
    let json = encoded(&path, serde_json::to_string_pretty(summary))?;
    write(&path, json.as_bytes())
}
