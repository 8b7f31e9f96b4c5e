//! The weights to segment with: one file, several, or those of all folds of a cross-validation.

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use crate::Error;
use crate::cli::Failure;
use crate::cli::files::read;
use crate::experiment::{FOLDS_FILE, FoldSummary};
use crate::infer::{PostProcessing, Predictor};

/// Weights files, and what their held-out cases speak for.
#[derive(Default)]
pub(super) struct WeightsFiles {
    /// The files.
    pub files: Vec<PathBuf>,
    /// The post-processing that was chosen by the folds, where the files are those of one cross-validation.
    post_processing: Option<PostProcessing>,
}

/// The weights files that these paths name; a folder stands for the folds in it.
pub(super) fn weights_files(paths: &[PathBuf]) -> Result<WeightsFiles, Failure> {
    let mut weights = WeightsFiles::default();
    for path in paths {
        if path.is_dir() {
            let summary = finished_folds(path)?;
            let files = summary.folds.iter().map(|fold| path.join(&fold.weights));
            weights.files.extend(files);
            let chosen = summary.post_processing.filter(|_| paths.len() == 1);
            weights.post_processing = chosen.map(|chosen| chosen.settings);
        } else {
            weights.files.push(path.clone());
        }
    }
    Ok(weights)
}

/// The summary of a cross-validation with all its folds.
fn finished_folds(folder: &Path) -> Result<FoldSummary, Failure> {
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
    if !summary.is_complete() {
        return Err(Failure::Message(format!(
            "{}: {done} of {} folds are done; finish them with `core train --folds {} --resume`, or name the weights \
             of those that are",
            folder.display(),
            summary.planned,
            summary.planned
        )));
    }
    Ok(summary)
}

/// Loads the weights onto a device: one network, or an ensemble.
pub(super) fn load(weights: &WeightsFiles, device: &Device) -> Result<Predictor, Failure> {
    let member = |path: &PathBuf| {
        let predictor = Predictor::load(&read(path)?, device)?;
        Ok((path.display().to_string(), predictor))
    };
    let members = weights.files.iter().map(member).collect::<Result<Vec<_>, Error>>()?;
    let predictor = Predictor::ensemble(members).map_err(Error::from)?;
    Ok(match weights.post_processing {
        Some(chosen) => predictor.with_post_processing(chosen),
        None => predictor,
    })
}
