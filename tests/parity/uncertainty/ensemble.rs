//! Ensembles: one member changes no bit, and several give the mean of their probabilities.

use medcontext_core::dataset::{LabelSet, Regions};
use medcontext_core::infer::{EnsembleError, PredictConfig, Predictor};
use medcontext_core::transform::{Preprocessing, Resampling, Spacing};
use medcontext_core::volume::{AxisOrder, Image};
use ndarray::{Array4, Axis, Zip};

use super::{ON, ROUNDING, axes, image, labels, seeded, segment, straight, uncertainty};

fn ensemble(members: impl IntoIterator<Item = Predictor>) -> Predictor {
    let named = (1..)
        .zip(members)
        .map(|(number, member)| (format!("weights {number}"), member));
    Predictor::ensemble(named.collect()).expect("members that fit")
}

/// Blended logits, labels and uncertainty.
type Found = (Array4<f32>, Vec<u16>, Vec<f32>);

fn found(predictor: &Predictor, image: &Image, config: PredictConfig) -> Found {
    let found = segment(predictor, image, config);
    let map = uncertainty(&found).map.canonical().into_iter().collect();
    (found.logits.expect("asked for"), found.labels.labels().to_vec(), map)
}

#[test]
fn one_member_changes_no_bit() {
    let resampled = Preprocessing {
        spacing: Some(Spacing {
            mm: [1.2; 3],
            rule: Resampling::Monai,
        }),
        ..axes(AxisOrder::Xyz)
    };
    for (preprocessing, mirror) in [
        (axes(AxisOrder::Zyx), false),
        (axes(AxisOrder::Zyx), true),
        (resampled, false),
    ] {
        let mut config = ON;
        config.inference.mirror = mirror;
        let image = image(straight(), 0);
        let alone = || seeded(labels(), preprocessing, 3);
        let expected = found(&alone(), &image, config);
        let predictor = ensemble([alone()]);
        assert_eq!(predictor.members(), 1);
        assert!(found(&predictor, &image, config) == expected);
        assert!(segment(&predictor, &image, config).disagreement.is_none());
    }
}

/// Members that are equal decide like one of them, and agree.
#[test]
fn equal_members_agree() {
    let image = image(straight(), 0);
    let alone = || seeded(labels(), axes(AxisOrder::Zyx), 3);
    let (_, expected, map) = found(&alone(), &image, ON);
    let three = ensemble([alone(), alone(), alone()]);
    let (_, labels, found) = found(&three, &image, ON);
    let differing = labels.iter().zip(&expected).filter(|(a, b)| a != b).count();
    // Voxels where two classes are equal but for rounding.
    assert!(differing <= labels.len() / 1000, "{differing} voxels");
    for (found, expected) in found.iter().zip(&map) {
        assert!((found - expected).abs() < 1.5 / 255.0);
    }
    let disagreement = segment(&three, &image, ON).disagreement.expect("three members");
    assert!(disagreement.map.canonical().iter().all(|&share| share < 0.5 / 255.0));
    assert_eq!(disagreement.mean, 0.0);
}

/// Probabilities of a softmax over the first axis, or of sigmoids, in f64.
fn shares(logits: &Array4<f32>, regions: bool) -> Array4<f64> {
    let logits = logits.mapv(f64::from);
    if regions {
        return logits.mapv(|logit| 1.0 / (1.0 + (-logit).exp()));
    }
    let weights = logits.mapv(f64::exp);
    let sum = weights.sum_axis(Axis(0)).insert_axis(Axis(0));
    weights / sum
}

/// Entropy of each voxel divided by the largest possible one.
fn entropies(shares: &Array4<f64>, regions: bool) -> Vec<f64> {
    let terms = |p: f64| if p > 0.0 { -p * p.ln() } else { 0.0 };
    let count = shares.len_of(Axis(0)) as f64;
    let lanes = shares.lanes(Axis(0)).into_iter();
    lanes
        .map(|voxel| match regions {
            true => voxel.iter().map(|&p| terms(p) + terms(1.0 - p)).sum::<f64>() / count / 2f64.ln(),
            false => voxel.iter().map(|&p| terms(p)).sum::<f64>() / count.ln(),
        })
        .collect()
}

/// In windows without overlap, each voxel's logits are those of one window: the ensemble's follow from its members'.
#[test]
fn several_members_give_the_mean_of_their_probabilities() {
    let tumor = LabelSet::from_ids([1, 2, 4], &Default::default())
        .and_then(|labels| labels.with_regions(Regions::brats21()))
        .expect("regions");
    // As large as one window, so that nothing is blended.
    let image = super::sized([16; 3], straight(), 0);
    for (labels, mirror) in [(labels(), false), (labels(), true), (tumor, false)] {
        let regions = labels.regions().is_some();
        let mut config = ON;
        config.inference.mirror = mirror;
        let member = |seed| seeded(labels.clone(), axes(AxisOrder::Zyx), seed);
        let single: Vec<Array4<f64>> = [3, 4, 5]
            .map(|seed| shares(&found(&member(seed), &image, config).0, regions))
            .into();
        let whole = ensemble([3, 4, 5].map(member));
        let mean = (&single[0] + &single[1] + &single[2]) / 3.0;
        let (logits, _, map) = found(&whole, &image, config);
        let mut most = 0f64;
        Zip::from(&shares(&logits, regions))
            .and(&mean)
            .for_each(|found, expected| {
                most = most.max((found - expected).abs());
            });
        assert!(most < 2e-6, "{most}");
        let expected = entropies(&mean, regions);
        for (found, expected) in map.iter().zip(&expected) {
            assert!((f64::from(*found) - expected).abs() < ROUNDING);
        }
        let each: Vec<Vec<f64>> = single.iter().map(|shares| entropies(shares, regions)).collect();
        let disagreement = segment(&whole, &image, config).disagreement.expect("three members");
        let mut most = 0f64;
        for (voxel, share) in disagreement.map.canonical().iter().enumerate() {
            let known = each.iter().map(|one| one[voxel]).sum::<f64>() / 3.0;
            assert!((f64::from(*share) - (expected[voxel] - known)).abs() < ROUNDING);
            most = most.max(f64::from(*share));
        }
        assert!(most > 0.01, "members that all but agree tell nothing: {most}");
    }
}

#[test]
fn members_must_fit() {
    let member = |labels| seeded(labels, axes(AxisOrder::Zyx), 3);
    let other = LabelSet::from_ids(1..3, &Default::default()).expect("labels");
    let named = vec![("a".to_owned(), member(labels())), ("b".to_owned(), member(other))];
    let error = Predictor::ensemble(named).expect_err("other labels");
    assert!(
        error.to_string().starts_with("a and b cannot segment together"),
        "{error}"
    );
    assert_eq!(Predictor::ensemble(Vec::new()).expect_err("none"), EnsembleError::Empty);
}
