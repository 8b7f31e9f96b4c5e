//! Figures of an experiment's results: panels of one case, and bars of all rows.

use std::path::{Path, PathBuf};

use super::bars::bars;
use super::run_folder::segmentations;
use super::scans::Scans;
use crate::cli::console::Console;
use crate::cli::files::{make_folder, read_label, write};
use crate::cli::render::{Plane, Scene, View};
use crate::cli::{Failure, Outcome};
use crate::experiment::{CellResult, Experiment, Source};
use crate::metric::CaseScore;

/// The file of the panels, and that of the bars.
const PANELS: &str = "panels.png";
const BARS: &str = "dice.svg";

/// The files that are written in a folder.
pub(super) fn files(folder: &Path) -> [PathBuf; 2] {
    [PANELS, BARS].map(|name| folder.join(name))
}

/// Draws both figures into a folder, from the results in the experiment's own folder `out`, and says what is missing.
pub(super) fn draw(
    folder: &Path,
    out: &Path,
    experiment: &Experiment,
    scans: &Scans<'_>,
    results: &[CellResult],
    console: &Console,
) -> Outcome {
    make_folder(folder, true)?;
    let (svg, missing) = bars(experiment, &experiment.table(results));
    let path = folder.join(BARS);
    write(&path, svg.as_bytes())?;
    for sentence in missing {
        console.warn(format!("{BARS}: {sentence}"));
    }
    console.say(format!("{}: mean Dice of every row", path.display()));
    let path = folder.join(PANELS);
    match panels(out, experiment, scans, results, console)? {
        None => console.warn(format!("{PANELS} is not drawn: no row has a segmentation to show")),
        Some((png, words)) => {
            write(&path, &png)?;
            console.say(format!("{}: {words}", path.display()));
        }
    }
    Ok(())
}

/// The case in which the rows differ most, of the first list and seed, as a PNG file and in words; `None` where no row
/// has a segmentation of it.
fn panels(
    out: &Path,
    experiment: &Experiment,
    scans: &Scans<'_>,
    results: &[CellResult],
    console: &Console,
) -> Result<Option<(Vec<u8>, String)>, Failure> {
    let (Some(list), Some(&seed)) = (experiment.train.first(), experiment.seeds.first()) else {
        return Ok(None);
    };
    let mut done = Vec::new();
    for row in &experiment.rows {
        let cell = |result: &&CellResult| {
            let cell = &result.cell;
            cell.row == row.name && cell.list == *list && cell.config.seed == seed
        };
        match results.iter().find(cell) {
            Some(result) => done.push(result),
            None => no_panel(&row.name, &format!("no result yet with seed {seed} on {list}"), console),
        }
    }
    let Some(name) = most_different(&done) else {
        return Ok(None);
    };
    let files = segmented(name, out, &done, console);
    if files.is_empty() {
        return Ok(None);
    }
    let case = scans.read(name)?;
    let mut scene = Scene::new(Path::new(name), &case.image, scans.label_names());
    if let Some(truth) = case.label {
        scene.set_truth(Path::new(name), truth)?;
    }
    for (row, file) in files {
        scene.add_prediction(row, &file, read_label(&file)?)?;
    }
    let drawn = scene.draw(View {
        plane: Plane::Axial,
        slice: None,
        window: None,
    })?;
    let words = format!("{name} with seed {seed} on {list}, {}", drawn.words);
    Ok(Some((drawn.png, words)))
}

/// Each row with its segmentation of a case, where that is still there.
fn segmented(case: &str, out: &Path, results: &[&CellResult], console: &Console) -> Vec<(String, PathBuf)> {
    let mut files = Vec::new();
    for result in results {
        let cell = &result.cell;
        let folder = out.join(cell.folder());
        match segmentations(&folder, cell).remove(case).filter(|file| file.exists()) {
            Some(file) => files.push((cell.row.clone(), file)),
            None => {
                let why = format!("there is no segmentation of {case} in {}", folder.display());
                no_panel(&cell.row, &why, console);
            }
        }
    }
    files
}

fn no_panel(row: &str, why: &str, console: &Console) {
    console.warn(format!("{PANELS}: {row} has no panel: {why}"));
}

/// The case whose mean Dice differs most between rows; of a single row, the one with the lowest. The first of equals.
fn most_different<'a>(results: &[&'a CellResult]) -> Option<&'a str> {
    let first = results.first()?;
    let spread = |case: &&CaseScore| {
        let score = |result: &&CellResult| {
            let mut cases = result.evaluation.cases.iter();
            let score = cases.find(|other| other.case == case.case)?;
            score.mean_dice(result.cell.protocol.empty)
        };
        let values: Vec<f64> = results.iter().filter_map(score).collect();
        let lowest = values.iter().copied().reduce(f64::min)?;
        let highest = match results.len() {
            1 => 1.0,
            _ => values.iter().copied().reduce(f64::max)?,
        };
        Some(highest - lowest)
    };
    let cases = first.evaluation.cases.iter();
    let cases = cases.filter_map(|case| Some((case.case.as_str(), spread(&case)?)));
    let most = cases.reduce(|best, next| if next.1 > best.1 { next } else { best });
    most.map(|(case, _)| case)
}
