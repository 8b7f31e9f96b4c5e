//! `core evaluate`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use super::console::Console;
use super::files::{nifti_stem, read_label, write};
use super::{Failure, Outcome};
use crate::Error;
use crate::dataset::{LabelSet, label_names};
use crate::metric::{CaseScore, Evaluation, Hausdorff};
use crate::volume::LabelImage;

#[derive(Args)]
pub(super) struct Arguments {
    /// Folder with predicted label maps.
    #[arg(long)]
    prediction: PathBuf,
    /// Folder with true label maps of the same names.
    #[arg(long)]
    truth: PathBuf,
    /// Also write everything as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
}

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let predictions = label_files(&arguments.prediction)?;
    let truths = label_files(&arguments.truth)?;
    let pairs: Vec<_> = predictions
        .iter()
        .filter_map(|(case, path)| {
            let truth = truths.iter().find(|(name, _)| name == case)?;
            Some((case, path, &truth.1))
        })
        .collect();
    if pairs.is_empty() {
        return Err(Failure::Message(format!(
            "no file in {} has the name of one in {}; name predictions like their true label maps",
            arguments.prediction.display(),
            arguments.truth.display()
        )));
    }
    let (maps, failed) = read_pairs(&pairs, console);
    let json = std::fs::read_to_string(arguments.truth.join("../dataset.json")).unwrap_or_default();
    let ids: BTreeSet<u16> = maps
        .iter()
        .flat_map(|(_, p, t)| [p.present(), t.present()].concat())
        .collect();
    let labels = LabelSet::from_ids(ids, &label_names(&json)).map_err(Error::from)?;
    let scores: Result<Vec<CaseScore>, _> = maps
        .iter()
        .map(|(case, p, t)| CaseScore::of_images(case, p, t, &labels, Hausdorff::Pooled))
        .collect();
    let evaluation = Evaluation::new(scores.map_err(Error::from)?, &labels);
    for line in table(&evaluation) {
        console.say(line);
    }
    if let Some(path) = &arguments.report {
        let text = serde_json::to_string_pretty(&evaluation).unwrap_or_default();
        write(path, text.as_bytes())?;
    }
    if failed > 0 {
        return Err(Failure::Partial {
            failed,
            total: pairs.len(),
        });
    }
    Ok(())
}

type Maps = Vec<(String, LabelImage, LabelImage)>;

/// Reads what can be read, names what cannot, and counts the latter.
fn read_pairs(pairs: &[(&String, &PathBuf, &PathBuf)], console: &Console) -> (Maps, usize) {
    let mut maps = Vec::new();
    for (case, prediction, truth) in pairs {
        match read_label(prediction).and_then(|p| Ok((p, read_label(truth)?))) {
            Ok((prediction, truth)) => maps.push(((*case).clone(), prediction, truth)),
            Err(failure) => console.warn(failure.to_string()),
        }
    }
    let failed = pairs.len() - maps.len();
    (maps, failed)
}

/// Label maps of a folder by case name, sorted.
fn label_files(folder: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|error| {
        Failure::Message(format!(
            "{} cannot be read ({error}); check the path",
            folder.display()
        ))
    })?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<_> = paths
        .filter_map(|path| Some((nifti_stem(&path)?, path)))
        .collect();
    files.sort();
    Ok(files)
}

fn table(evaluation: &Evaluation) -> Vec<String> {
    let number = |value: Option<f64>, digits| match value {
        Some(value) => format!("{value:.digits$}"),
        None => "-".to_owned(),
    };
    let row = |name: &str, dice, mm, voxels| {
        let (dice, mm, voxels) = (number(dice, 4), number(mm, 2), number(voxels, 2));
        format!("{name:<24} {dice:>8} {mm:>10} {voxels:>12}")
    };
    let mut lines = vec![format!(
        "{:<24} {:>8} {:>10} {:>12}",
        format!("{} cases", evaluation.cases.len()),
        "Dice",
        "HD95 mm",
        "HD95 voxels"
    )];
    for label in &evaluation.labels {
        lines.push(row(
            &label.name,
            label.dice,
            label.hd95_mm,
            label.hd95_voxels,
        ));
    }
    let e = evaluation;
    lines.push(row("mean", e.mean_dice, e.mean_hd95_mm, e.mean_hd95_voxels));
    lines
}
