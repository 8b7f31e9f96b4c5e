//! The table of an evaluation: per case and label, and means.

use ndarray::ArrayView3;

use super::{Hausdorff, dice, hd95};
use crate::dataset::{DatasetError, LabelSet};
use crate::volume::LabelImage;

/// One label of one case. Undefined values are `None` (null in JSON).
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LabelScore {
    /// The label's id.
    pub label: u16,
    /// Dice; undefined when the label is in neither map.
    pub dice: Option<f64>,
    /// HD95 in mm; undefined when the label is missing in either map.
    pub hd95_mm: Option<f64>,
    /// HD95 in voxels; undefined when the label is missing in either map.
    pub hd95_voxels: Option<f64>,
    /// Predicted volume in mL.
    pub ml_predicted: f64,
    /// True volume in mL.
    pub ml_true: f64,
}

/// One case.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct CaseScore {
    /// Name of the case.
    pub case: String,
    /// Scores by label, background left out.
    pub labels: Vec<LabelScore>,
}

impl CaseScore {
    /// Compares two label arrays of one shape whose axes have the given spacing in mm.
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn new(
        case: &str,
        prediction: ArrayView3<'_, u16>,
        truth: ArrayView3<'_, u16>,
        spacing: [f64; 3],
        labels: &LabelSet,
        form: Hausdorff,
    ) -> Result<CaseScore, DatasetError> {
        let voxel_ml = spacing.iter().product::<f64>() / 1000.0;
        compare(case, prediction, truth, (spacing, voxel_ml), labels, form)
    }

    /// Compares two label files, voxel by voxel, in mm of the truth's grid.
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn of_images(
        case: &str,
        prediction: &LabelImage,
        truth: &LabelImage,
        labels: &LabelSet,
        form: Hausdorff,
    ) -> Result<CaseScore, DatasetError> {
        let (prediction, truth_grid) = (file_view(prediction), truth.grid());
        let [x, y, z] = truth_grid.spacing();
        let size = ([z, y, x], truth_grid.voxel_ml());
        compare(case, prediction, file_view(truth), size, labels, form)
    }
}

/// Labels with axes \[k, j, i\]: no score depends on how the axes lie in the patient.
fn file_view(map: &LabelImage) -> ArrayView3<'_, u16> {
    let [i, j, k] = map.grid().dims;
    ArrayView3::from_shape((k, j, i), map.labels()).expect("a label map fills its grid")
}

/// Scores of every label but background; a voxel has sides in mm and a volume in mL.
fn compare(
    case: &str,
    prediction: ArrayView3<'_, u16>,
    truth: ArrayView3<'_, u16>,
    (spacing, voxel_ml): ([f64; 3], f64),
    labels: &LabelSet,
    form: Hausdorff,
) -> Result<CaseScore, DatasetError> {
    same_shape(case, prediction.shape(), truth.shape())?;
    let volume = |map: ArrayView3<'_, u16>, label| {
        map.iter().filter(|&&value| value == label).count() as f64 * voxel_ml
    };
    let score = |&label: &u16| LabelScore {
        label,
        dice: dice(prediction, truth, label),
        hd95_mm: hd95(prediction, truth, label, Some(spacing), form),
        hd95_voxels: hd95(prediction, truth, label, None, form),
        ml_predicted: volume(prediction, label),
        ml_true: volume(truth, label),
    };
    let labels = labels.ids().iter().skip(1).map(score).collect();
    Ok(CaseScore {
        case: case.to_owned(),
        labels,
    })
}

/// Means of one label over the cases where the value is defined.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LabelMean {
    /// The label's id.
    pub label: u16,
    /// Its name.
    pub name: String,
    /// Mean Dice.
    pub dice: Option<f64>,
    /// Mean HD95 in mm.
    pub hd95_mm: Option<f64>,
    /// Mean HD95 in voxels.
    pub hd95_voxels: Option<f64>,
    /// Cases in which one map has the label and the other lacks it: their Dice of 0 is in the mean,
    /// their HD95 cannot be.
    pub missed: usize,
}

impl LabelMean {
    fn new(label: u16, name: &str, cases: &[CaseScore]) -> LabelMean {
        let scores: Vec<&LabelScore> = cases
            .iter()
            .flat_map(|case| &case.labels)
            .filter(|score| score.label == label)
            .collect();
        LabelMean {
            label,
            name: name.to_owned(),
            dice: mean(scores.iter().map(|score| score.dice)),
            hd95_mm: mean(scores.iter().map(|score| score.hd95_mm)),
            hd95_voxels: mean(scores.iter().map(|score| score.hd95_voxels)),
            missed: scores
                .iter()
                .filter(|score| score.dice.is_some() && score.hd95_mm.is_none())
                .count(),
        }
    }
}

/// A whole evaluation.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Evaluation {
    /// Per case and label.
    pub cases: Vec<CaseScore>,
    /// Per label, over cases.
    pub labels: Vec<LabelMean>,
    /// Mean Dice: per label over cases, then over labels.
    pub mean_dice: Option<f64>,
    /// Mean HD95 in mm, likewise.
    pub mean_hd95_mm: Option<f64>,
    /// Mean HD95 in voxels, likewise.
    pub mean_hd95_voxels: Option<f64>,
}

impl Evaluation {
    /// Collects the cases' scores and takes the means.
    pub fn new(cases: Vec<CaseScore>, labels: &LabelSet) -> Evaluation {
        let means: Vec<LabelMean> = (labels.ids().iter().zip(labels.names()))
            .skip(1)
            .map(|(&label, name)| LabelMean::new(label, name, &cases))
            .collect();
        Evaluation {
            mean_dice: mean(means.iter().map(|label| label.dice)),
            mean_hd95_mm: mean(means.iter().map(|label| label.hd95_mm)),
            mean_hd95_voxels: mean(means.iter().map(|label| label.hd95_voxels)),
            labels: means,
            cases,
        }
    }
}

/// Mean of the defined values; `None` when there are none.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let values: Vec<f64> = values.flatten().collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn same_shape(case: &str, prediction: &[usize], truth: &[usize]) -> Result<(), DatasetError> {
    if prediction == truth {
        return Ok(());
    }
    let text = |shape: &[usize]| {
        let sizes: Vec<String> = shape.iter().map(ToString::to_string).collect();
        sizes.join("×")
    };
    Err(DatasetError::PredictionShape {
        case: case.to_owned(),
        prediction: text(prediction),
        truth: text(truth),
    })
}
