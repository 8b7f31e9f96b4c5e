//! The weights to segment with: one file, several, or those of all folds of a cross-validation.

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use crate::Error;
use crate::cli::Failure;
use crate::cli::files::read;
use crate::experiment::{FOLDS_FILE, FoldSummary};
use crate::infer::Predictor;

/// The weights files that these paths name; a folder stands for the folds in it.
pub(super) fn weights_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => files.extend(of_folds(path)?),
            false => files.push(path.clone()),
        }
    }
    Ok(files)
}

/// The weights of all folds of a run.
fn of_folds(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let path = folder.join(FOLDS_FILE);
    if !path.is_file() {
        return Err(Failure::Message(format!(
            "{} is a folder without {FOLDS_FILE}; name a weights file, such as last.safetensors in it",
            folder.display()
        )));
    }
    let summary = FoldSummary::from_json(&read(&path)?).map_err(|problem| {
        let path = path.display();
        Failure::Message(format!("{path}: {problem}; name the weights of the folds instead"))
    })?;
    let done = summary.folds.len();
    if done < summary.planned {
        return Err(Failure::Message(format!(
            "{}: {done} of {} folds are done; finish them with `core train --folds {} --resume`, or name the weights \
             of those that are",
            folder.display(),
            summary.planned,
            summary.planned
        )));
    }
    Ok(summary.folds.iter().map(|fold| folder.join(&fold.weights)).collect())
}

/// Loads the weights onto a device: one network, or an ensemble.
pub(super) fn load(files: &[PathBuf], device: &Device) -> Result<Predictor, Failure> {
    let member = |path: &PathBuf| {
        let predictor = Predictor::load(&read(path)?, device)?;
        Ok((path.display().to_string(), predictor))
    };
    let members = files.iter().map(member).collect::<Result<Vec<_>, Error>>()?;
    Ok(Predictor::ensemble(members).map_err(Error::from)?)
}
