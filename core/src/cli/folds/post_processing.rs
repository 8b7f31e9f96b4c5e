//! Post-processing that the held-out cases of all folds speak for.

use std::path::PathBuf;

use super::scans::FoldScans;
use crate::Error;
use crate::cli::Failure;
use crate::cli::experiment::segmentations;
use crate::cli::files::read_label;
use crate::experiment::{Cell, CellResult, Source};
use crate::metric::{ChosenPostProcessing, HeldOutPrediction, choose_post_processing};
use crate::volume::LabelImage;

/// Reads the segmentations of all held-out cases again, from the folders of their folds, and chooses by them.
pub(super) fn choose(
    scans: &FoldScans<'_>,
    results: &[CellResult],
    place: impl Fn(&Cell) -> PathBuf,
) -> Result<ChosenPostProcessing, Failure> {
    let mut maps: Vec<(String, LabelImage, LabelImage)> = Vec::new();
    for CellResult { cell, .. } in results {
        for (case, path) in segmentations(&place(cell), cell) {
            let truth = scans.read(&case)?.label;
            let truth = truth.ok_or_else(|| Failure::Message(format!("the label map of {case} is gone")))?;
            maps.push((case, read_label(&path)?, truth));
        }
    }
    let held_out = maps.iter().map(|(case, prediction, truth)| HeldOutPrediction {
        case,
        prediction,
        truth,
    });
    Ok(choose_post_processing(&held_out.collect::<Vec<_>>()).map_err(Error::from)?)
}
