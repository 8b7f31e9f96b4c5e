//! Dice of the student on held-out cases, on their own grids, for what an evaluation would report: the regions of a
//! network that learns regions, else labels.
//!
//! A case counts as in an evaluation by default: if neither the label map nor the prediction has a label (or region),
//! it is left out of that label's mean; if only one of them has it, its Dice is 0. MONAI's metric for BraTS also leaves
//! out cases whose label map lacks the region, and thus their false positives. Voxels that the label map ignores are
//! background on both sides.

use std::rc::Rc;

use super::{HeldOut, LabelDice, TrainConfig};
use crate::dataset::LabelSet;
use crate::infer::{self, Inference, PredictConfig, Predictor};
use crate::metric::{dice_of_region, without_ignored};
use crate::pool::Worker;
use crate::{Error, Result};

/// Results of a validation.
pub(super) struct Scores {
    /// Mean over reported labels of the means over cases.
    pub dice: f64,
    /// By label or region.
    pub labels: Vec<LabelDice>,
    /// Why cases were left out.
    pub left_out: Vec<String>,
}

/// A measured label or region.
struct Measured {
    id: u16,
    name: String,
    /// Ids of its voxels in label maps.
    labels: Vec<u16>,
    /// Whether it counts in the mean.
    reported: bool,
}

/// What is measured for a network that learns `labels`; only the `reported` ones count in the mean, or all if empty.
fn measured(labels: &LabelSet, reported: &[u16]) -> Vec<Measured> {
    if let Some(regions) = labels.regions() {
        let numbered = (1..).zip(&regions.0);
        return numbered
            .map(|(id, region)| Measured {
                id,
                name: region.name.clone(),
                labels: region.labels.clone(),
                reported: true,
            })
            .collect();
    }
    let named = labels.ids().iter().zip(labels.names()).skip(1);
    named
        .map(|(&id, name)| Measured {
            id,
            name: name.clone(),
            labels: vec![id],
            reported: reported.is_empty() || reported.contains(&id),
        })
        .collect()
}

/// Checks that all reported labels are learned.
///
/// # Errors
/// When one is not; names it.
pub(super) fn check_reported(reported: &[u16], labels: &LabelSet) -> Result<()> {
    let unknown = |id: &&u16| !labels.ids()[1..].contains(id);
    match reported.iter().find(unknown) {
        Some(id) => Err(Error::Config(format!(
            "reported names the label {id}, which is not learned: take it out"
        ))),
        None => Ok(()),
    }
}

/// Segments every case, together with `workers`, and compares it with its label map. A case that cannot be read is left
/// out, unless no case can.
pub(super) async fn run(
    predictor: &Predictor,
    cases: &[HeldOut],
    config: &TrainConfig,
    workers: &[Rc<dyn Worker>],
) -> Result<Scores> {
    let mut pool = predictor.pool(workers).await?;
    let measured = measured(&predictor.metadata().labels, &config.reported);
    let settings = PredictConfig {
        inference: Inference {
            overlap: config.overlap,
            blend: config.blend,
            ..Inference::default()
        },
        batch_size: config.batch_size,
        ..PredictConfig::default()
    };
    let mut found = vec![Vec::new(); measured.len()];
    let mut left_out = Vec::new();
    for case in cases {
        let case = match case.read() {
            Ok(case) => case,
            Err(error) => {
                left_out.push(error);
                continue;
            }
        };
        let Some(truth) = &case.label else { continue };
        let mut run = predictor.start_channels(&case.images(), settings)?;
        while let Some(event) = run.next_in(&mut pool).await? {
            let infer::Event::Finished { segmentation, .. } = event else {
                continue;
            };
            let ignored = truth.ignored().or(predictor.metadata().labels.ignore());
            let (mut predicted, mut truth) = (segmentation.labels.canonical(), truth.canonical());
            without_ignored(&mut predicted, &mut truth, ignored);
            for (found, one) in found.iter_mut().zip(&measured) {
                found.extend(dice_of_region(predicted.view(), truth.view(), &one.labels));
            }
        }
    }
    // Without any case there is no result.
    if left_out.len() == cases.len()
        && let Some(error) = left_out.pop()
    {
        return Err(error);
    }
    Ok(Scores::new(
        measured,
        &found,
        left_out.iter().map(ToString::to_string).collect(),
    ))
}

impl Scores {
    /// Means of the Dice of the cases that count, by label or region.
    fn new(measured: Vec<Measured>, found: &[Vec<f64>], left_out: Vec<String>) -> Self {
        let mean = |values: &[f64]| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        let means: Vec<Option<f64>> = found.iter().map(|values| mean(values)).collect();
        let counted = measured.iter().zip(&means).filter(|(one, _)| one.reported);
        let counted: Vec<f64> = counted.filter_map(|(_, dice)| *dice).collect();
        let labels = measured.into_iter().zip(means);
        Self {
            dice: mean(&counted).unwrap_or(0.0),
            labels: labels
                .map(|(Measured { id, name, .. }, dice)| LabelDice { id, name, dice })
                .collect(),
            left_out,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ndarray::Array3;

    use super::{Scores, check_reported, measured};
    use crate::dataset::{LabelSet, Regions};
    use crate::metric::dice_of_region;

    /// Dice of label maps of one line of voxels.
    fn scores(labels: &LabelSet, reported: &[u16], cases: &[(&[u16], &[u16])]) -> Scores {
        let measured = measured(labels, reported);
        let line = |voxels: &[u16]| Array3::from_shape_vec((1, 1, voxels.len()), voxels.to_vec()).expect("a line");
        let mut found = vec![Vec::new(); measured.len()];
        for (predicted, truth) in cases {
            for (found, one) in found.iter_mut().zip(&measured) {
                let (predicted, truth) = (line(predicted), line(truth));
                found.extend(dice_of_region(predicted.view(), truth.view(), &one.labels));
            }
        }
        Scores::new(measured, &found, Vec::new())
    }

    fn named(scores: &Scores) -> Vec<(u16, &str, Option<f64>)> {
        let labels = scores.labels.iter();
        labels.map(|one| (one.id, one.name.as_str(), one.dice)).collect()
    }

    /// If enhancing tumor is predicted as necrotic, the core and the whole tumor are still right.
    #[test]
    fn regions_are_measured_where_regions_are_learned() {
        let labels = LabelSet::from_ids([1, 2, 4], &BTreeMap::new()).expect("labels");
        let labels = labels.with_regions(Regions::brats21()).expect("regions");
        let first: (&[u16], &[u16]) = (&[0, 1, 1, 2], &[0, 4, 4, 2]);
        let found = scores(&labels, &[], &[first]);
        assert_eq!(
            named(&found),
            [
                (1, "tumor core", Some(1.0)),
                (2, "whole tumor", Some(1.0)),
                (3, "enhancing tumor", Some(0.0))
            ]
        );
        assert_eq!(found.dice, 2.0 / 3.0);
        // A case without enhancing tumor, in which none is predicted, does not count for it; one with a false positive
        // counts as 0.
        let without: (&[u16], &[u16]) = (&[0, 1, 2, 2], &[0, 1, 2, 2]);
        let right: (&[u16], &[u16]) = (&[4, 0, 0, 0], &[4, 0, 0, 0]);
        let wrong: (&[u16], &[u16]) = (&[4, 1, 2, 2], &[0, 1, 2, 2]);
        let enhancing = |cases: &[(&[u16], &[u16])]| scores(&labels, &[], cases).labels[2].dice;
        assert_eq!(enhancing(&[without, right]), Some(1.0));
        assert_eq!(enhancing(&[wrong, right]), Some(0.5));
        assert_eq!(enhancing(&[without]), None);
    }

    #[test]
    fn the_mean_is_that_of_the_reported_labels() {
        let labels = LabelSet::from_ids([1, 2, 3], &BTreeMap::new()).expect("labels");
        let case: (&[u16], &[u16]) = (&[1, 1, 2, 3], &[1, 1, 3, 2]);
        assert_eq!(scores(&labels, &[], &[case]).dice, 1.0 / 3.0);
        let found = scores(&labels, &[1], &[case]);
        assert_eq!(found.dice, 1.0);
        assert_eq!(named(&found).len(), 3);
        assert!(check_reported(&[1, 3], &labels).is_ok());
        let error = check_reported(&[1, 7], &labels).expect_err("7 is not learned");
        assert!(error.to_string().contains("the label 7"), "{error}");
    }
}
