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
        None => console.warn(format!("{PANELS} is not drawn: no row has a case to show yet")),
        Some((png, words)) => {
            write(&path, &png)?;
            console.say(format!("{}: {words}", path.display()));
        }
    }
    Ok(())
}

/// The case in which the rows differ most, of the first list and seed, as a PNG file and in words; `None` where there is
/// none.
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
    let mut shown = Vec::new();
    for row in &experiment.rows {
        let cell = |result: &&CellResult| {
            let cell = &result.cell;
            cell.row == row.name && cell.list == *list && cell.config.seed == seed
        };
        match results.iter().find(cell) {
            Some(result) => shown.push(result),
            None => console.warn(format!(
                "{PANELS}: {} has no panel: no result yet with seed {seed} on {list}",
                row.name
            )),
        }
    }
    let Some(name) = most_different(&shown) else {
        return Ok(None);
    };
    let case = scans.read(name)?;
    let mut scene = Scene::new(Path::new(name), &case.image, scans.label_names());
    if let Some(truth) = case.label {
        scene.set_truth(Path::new(name), truth)?;
    }
    for result in shown {
        let cell = &result.cell;
        let files = segmentations(&out.join(cell.folder()), cell);
        match files.get(name).filter(|file| file.exists()) {
            Some(file) => scene.add_prediction(cell.row.clone(), file, read_label(file)?)?,
            None => console.warn(format!(
                "{PANELS}: {} has no panel: its segmentation of {name} is no longer in {}",
                cell.row,
                out.join(cell.folder()).display()
            )),
        }
    }
    let drawn = scene.draw(View {
        plane: Plane::Axial,
        slice: None,
        window: None,
    })?;
    let words = format!("{name} with seed {seed} on {list}, {}", drawn.words);
    Ok(Some((drawn.png, words)))
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
