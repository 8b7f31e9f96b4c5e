//! The scores of one case.

use ndarray::ArrayView3;
use serde::{Deserialize, Serialize};

use super::{Overlap, Protocol, Region, SurfaceDistances, without_ignored};
use crate::dataset::{DatasetError, LabelSet};
use crate::volume::{LabelImage, format_dims};

/// One label of one case. Undefined values are `None` (null in JSON).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// Surface Dice at the protocol's tolerance. This and what follows are undefined when the label is in neither map,
    /// and in scores of versions that did not measure them.
    #[serde(default)]
    pub surface_dice: Option<f64>,
    /// Jaccard index.
    #[serde(default)]
    pub iou: Option<f64>,
    /// The share of the prediction that is true.
    #[serde(default)]
    pub precision: Option<f64>,
    /// The share of the truth that is found.
    #[serde(default)]
    pub recall: Option<f64>,
}

impl LabelScore {
    /// The score of a label that is in neither map.
    pub(super) fn absent(label: u16) -> LabelScore {
        LabelScore {
            label,
            dice: None,
            hd95_mm: None,
            hd95_voxels: None,
            ml_predicted: 0.0,
            ml_true: 0.0,
            surface_dice: None,
            iou: None,
            precision: None,
            recall: None,
        }
    }
}

/// One case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseScore {
    /// Name of the case.
    pub case: String,
    /// Scores by label, background left out.
    pub labels: Vec<LabelScore>,
}

impl CaseScore {
    /// Compares two label arrays of one shape whose axes have the given spacing in mm, except where the truth has the
    /// id that `labels` [ignore](LabelSet::ignore).
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn new(
        case: &str,
        prediction: ArrayView3<'_, u16>,
        truth: ArrayView3<'_, u16>,
        spacing: [f64; 3],
        labels: &LabelSet,
        protocol: Protocol,
    ) -> Result<CaseScore, DatasetError> {
        let voxel_ml = spacing.iter().product::<f64>() / 1000.0;
        let size = (spacing, voxel_ml);
        known(case, prediction, truth, labels.ignore(), |prediction, truth| {
            compare(case, prediction, truth, size, &targets(labels), protocol)
        })
    }

    /// Compares two label files, voxel by voxel, in mm of the truth's grid, onto which the prediction is
    /// brought as a label map is onto its image ([`LabelImage::placed_on`]). Voxels that the truth
    /// [ignores](LabelImage::ignored), or whose id `labels` [ignore](LabelSet::ignore), are background in both.
    ///
    /// # Errors
    /// When the prediction lies elsewhere and has another size.
    pub fn of_images(
        case: &str,
        prediction: &LabelImage,
        truth: &LabelImage,
        labels: &LabelSet,
        protocol: Protocol,
    ) -> Result<CaseScore, DatasetError> {
        let ignored = truth.ignored().or(labels.ignore());
        of_targets(case, prediction, (truth, ignored), &targets(labels), protocol)
    }

    /// Compares regions of two label files, as [`CaseScore::of_images`] does labels. Region number i, from 1, becomes
    /// label i.
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn of_regions(
        case: &str,
        prediction: &LabelImage,
        truth: &LabelImage,
        regions: &[Region],
        protocol: Protocol,
    ) -> Result<CaseScore, DatasetError> {
        let ids = regions.iter().map(|region| region.labels.as_slice());
        let targets: Vec<(u16, &[u16])> = (1..).zip(ids).collect();
        of_targets(case, prediction, (truth, truth.ignored()), &targets, protocol)
    }
}

/// Compares two files on the grid of the truth, which comes with the id of its ignored voxels.
fn of_targets(
    case: &str,
    prediction: &LabelImage,
    (truth, ignored): (&LabelImage, Option<u16>),
    targets: &[(u16, &[u16])],
    protocol: Protocol,
) -> Result<CaseScore, DatasetError> {
    let grid = truth.grid();
    let placed = prediction.clone().placed_on(truth.header(), grid);
    let (prediction, _) = placed.map_err(|source| DatasetError::PredictionElsewhere {
        case: case.to_owned(),
        source,
    })?;
    let [x, y, z] = grid.spacing();
    let size = ([z, y, x], grid.voxel_ml());
    let (prediction, truth) = (file_view(&prediction), file_view(truth));
    known(case, prediction, truth, ignored, |prediction, truth| {
        compare(case, prediction, truth, size, targets, protocol)
    })
}

/// What `compare` says of two arrays after [`without_ignored`].
fn known(
    case: &str,
    prediction: ArrayView3<'_, u16>,
    truth: ArrayView3<'_, u16>,
    ignored: Option<u16>,
    compare: impl FnOnce(ArrayView3<'_, u16>, ArrayView3<'_, u16>) -> Result<CaseScore, DatasetError>,
) -> Result<CaseScore, DatasetError> {
    same_shape(case, prediction.shape(), truth.shape())?;
    if ignored.is_none() {
        return compare(prediction, truth);
    }
    let (mut prediction, mut truth) = (prediction.to_owned(), truth.to_owned());
    without_ignored(&mut prediction, &mut truth, ignored);
    compare(prediction.view(), truth.view())
}

/// Labels with axes \[k, j, i\]: scores do not depend on the orientation in the patient.
fn file_view(map: &LabelImage) -> ArrayView3<'_, u16> {
    let [i, j, k] = map.grid().dims;
    ArrayView3::from_shape((k, j, i), map.labels()).expect("a label map fills its grid")
}

/// Every label but background, individually.
fn targets(labels: &LabelSet) -> Vec<(u16, &[u16])> {
    let ids = labels.ids().iter().skip(1);
    ids.map(|id| (*id, std::slice::from_ref(id))).collect()
}

/// Scores of targets, each an id and the labels that it combines; a voxel has sides in mm and a volume in mL.
fn compare(
    case: &str,
    prediction: ArrayView3<'_, u16>,
    truth: ArrayView3<'_, u16>,
    size: ([f64; 3], f64),
    targets: &[(u16, &[u16])],
    protocol: Protocol,
) -> Result<CaseScore, DatasetError> {
    let score = |&(id, labels): &(u16, &[u16])| match labels {
        [label] => measure(id, prediction, truth, *label, size, protocol),
        labels => {
            let mask = |map: ArrayView3<'_, u16>| map.mapv(|v| u16::from(labels.contains(&v)));
            let (prediction, truth) = (mask(prediction), mask(truth));
            measure(id, prediction.view(), truth.view(), 1, size, protocol)
        }
    };
    Ok(CaseScore {
        case: case.to_owned(),
        labels: targets.iter().map(score).collect(),
    })
}

fn measure(
    id: u16,
    prediction: ArrayView3<'_, u16>,
    truth: ArrayView3<'_, u16>,
    label: u16,
    (spacing, voxel_ml): ([f64; 3], f64),
    protocol: Protocol,
) -> LabelScore {
    let overlap = Overlap::of(prediction, truth, &[label]);
    let mm = SurfaceDistances::of(prediction, truth, label, spacing);
    let voxels = SurfaceDistances::of(prediction, truth, label, [1.0; 3]);
    let hd95 = |distances: &SurfaceDistances| protocol.hd95.hd95(distances);
    let surface_dice = |distances: &SurfaceDistances| distances.surface_dice(protocol.tolerance_mm);
    LabelScore {
        label: id,
        dice: overlap.dice(),
        hd95_mm: mm.as_ref().map(hd95),
        hd95_voxels: voxels.as_ref().map(hd95),
        ml_predicted: overlap.predicted as f64 * voxel_ml,
        ml_true: overlap.truth as f64 * voxel_ml,
        // Without distances a mask is empty: then it is what Dice is, 0 or undefined.
        surface_dice: mm.as_ref().map(surface_dice).or(overlap.dice()),
        iou: overlap.iou(),
        precision: overlap.precision(),
        recall: overlap.recall(),
    }
}

fn same_shape(case: &str, prediction: &[usize], truth: &[usize]) -> Result<(), DatasetError> {
    if prediction == truth {
        return Ok(());
    }
    Err(DatasetError::PredictionShape {
        case: case.to_owned(),
        prediction: format_dims(prediction),
        truth: format_dims(truth),
    })
}
