//! The folder of one cell: a run's files, the segmentations of its evaluation list, and its result.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cli::console::Console;
use crate::cli::files::{encoded, make_folder, read, unwritable, write};
use crate::cli::train::{FILES, RunReport, STATE};
use crate::cli::{Failure, Outcome};
use crate::experiment::{Cell, CellResult, Event};
use crate::file_names::FileNames;
use crate::infer::{SEGMENTATION_ENDING, label_file, segmentation_name};
use crate::train::{self, CheckpointKind, Trainer};
use crate::weights::counted;

/// The file of a finished cell's result.
const RESULT: &str = "result.json";

/// The folder of a cell's segmentations.
const PREDICTED: &str = "predicted";

/// File names of a cell's segmentations by case, unique on any file system.
fn predicted(cell: &Cell) -> BTreeMap<String, String> {
    let mut names = FileNames::default();
    let cases = cell.evaluation.iter();
    cases
        .map(|case| (case.clone(), names.take(case, SEGMENTATION_ENDING)))
        .collect()
}

/// Paths of a finished cell's segmentations in its folder, by case.
pub(in crate::cli) fn segmentations(folder: &Path, cell: &Cell) -> BTreeMap<String, PathBuf> {
    let folder = folder.join(PREDICTED);
    let names = predicted(cell).into_iter();
    names.map(|(case, name)| (case, folder.join(name))).collect()
}

/// The files of a cell's folder.
pub(in crate::cli) fn files(folder: &Path, cell: &Cell) -> Vec<PathBuf> {
    let predicted = predicted(cell).into_values();
    let predicted = predicted.map(|name| format!("{PREDICTED}/{name}"));
    let files = FILES.into_iter().chain([RESULT]).map(str::to_owned);
    files.chain(predicted).map(|name| folder.join(name)).collect()
}

/// A finished cell's result in its folder; `None` if the cell is still to be done.
pub(in crate::cli) fn finished(folder: &Path, force: bool, cell: &Cell) -> Result<Option<CellResult>, Failure> {
    let path = folder.join(RESULT);
    if !path.exists() {
        return Ok(None);
    }
    let result: Option<CellResult> = serde_json::from_slice(&read(&path)?).ok();
    match result {
        Some(result) if result.cell == *cell => Ok(Some(result)),
        _ if force => Ok(None),
        _ => Err(Failure::Message(format!(
            "{} was done with other settings or cases; choose another --out, or add --force to do it again",
            path.display()
        ))),
    }
}

/// One cell's folder.
pub(in crate::cli) struct RunFolder<'a> {
    path: PathBuf,
    /// Names of the segmentations by case.
    predicted: BTreeMap<String, String>,
    report: RunReport<'a>,
}

impl<'a> RunFolder<'a> {
    /// Starts a cell's folder, or continues it after `done` steps.
    pub fn new(
        path: PathBuf,
        cell: &Cell,
        device: &str,
        done: Option<usize>,
        console: &'a Console,
    ) -> Result<Self, Failure> {
        make_folder(&path.join(PREDICTED), true)?;
        // A repeated cell is not done until it has a new result.
        let old = path.join(RESULT);
        if old.exists() {
            std::fs::remove_file(&old).map_err(|error| unwritable(&old, &error))?;
        }
        let text = cell.config.to_toml()?;
        write(&path.join("config.toml"), text.as_bytes())?;
        let device = device.to_owned();
        let report = RunReport::new(&path, console, cell.steps(), device, done)?;
        Ok(Self {
            path,
            predicted: predicted(cell),
            report,
        })
    }

    /// Sets what the screen says about the other cells beside this one's progress.
    pub fn outlook(&mut self, outlook: String) {
        self.report.outlook(outlook);
    }

    /// Writes and shows one event; `trainer` is the runner's, if it trains.
    pub async fn event(&mut self, event: &Event, trainer: Option<&Trainer>, console: &Console) -> Outcome {
        match event {
            Event::Cell { .. } => {}
            Event::Training(event) => {
                self.report.event(event)?;
                if let (train::Event::Checkpoint { kind, .. }, Some(trainer)) = (event, trainer)
                    && *kind == CheckpointKind::Last
                {
                    self.report.keep_state(trainer).await?;
                }
            }
            Event::Case {
                segmentation, score, ..
            } => {
                let name = self.predicted.get(&score.case).cloned();
                let name = name.unwrap_or_else(|| segmentation_name(&score.case));
                let path = self.path.join(PREDICTED).join(name);
                write(&path, &label_file(&segmentation.labels))?;
            }
            Event::Finished(result) => {
                let path = self.path.join(RESULT);
                let json = encoded(&path, serde_json::to_string_pretty(result))?;
                write(&path, json.as_bytes())?;
                // The state is no longer needed, but leaving it behind is harmless.
                let _ = std::fs::remove_file(self.path.join(STATE));
                let dice = result.evaluation.mean.dice;
                console.say(format!(
                    "Dice {} over {}",
                    dice.map_or("-".to_owned(), |dice| dice.text(4)),
                    counted(result.evaluation.cases.len(), "case")
                ));
            }
        }
        Ok(())
    }
}
