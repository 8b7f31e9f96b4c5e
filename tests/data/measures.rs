//! Overlap and surface Dice against NumPy and SciPy.

use medcontext_core::dataset::LabelSet;
use medcontext_core::metric::{CaseScore, Evaluation, Protocol};
use ndarray::Array3;
use serde_json::Value;

fn mask(shape: [usize; 3], digits: &Value) -> Array3<u16> {
    let digits = digits.as_str().expect("digits").bytes();
    let labels = digits.map(|digit| u16::from(digit - b'0') * 4);
    Array3::from_shape_vec(shape, labels.collect()).expect("its own shape")
}

fn one_label() -> LabelSet {
    LabelSet::from_ids([4], &Default::default()).expect("a label")
}

#[test]
fn measures_equal_those_of_scipy() {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/measures.json")).expect("JSON");
    let tolerances: Vec<f64> = serde_json::from_value(fixture["tolerances"].clone()).expect("numbers");
    let cases = fixture["cases"].as_array().expect("a list");
    for case in cases {
        let shape: [usize; 3] = serde_json::from_value(case["shape"].clone()).expect("three sides");
        let spacing: [f64; 3] = serde_json::from_value(case["spacing"].clone()).expect("three sides");
        let (prediction, truth) = (mask(shape, &case["prediction"]), mask(shape, &case["truth"]));
        for (index, &tolerance_mm) in tolerances.iter().enumerate() {
            let protocol = Protocol {
                tolerance_mm,
                ..Protocol::default()
            };
            let (p, t) = (prediction.view(), truth.view());
            let score = CaseScore::new("a", p, t, spacing, &one_label(), protocol).expect("one shape");
            let score = &score.labels[0];
            for (what, found, expected) in [
                ("IoU", score.iou, &case["iou"]),
                ("precision", score.precision, &case["precision"]),
                ("recall", score.recall, &case["recall"]),
                ("surface Dice", score.surface_dice, &case["surface_dice"][index]),
            ] {
                let (found, expected) = (found.expect(what), expected.as_f64().expect(what));
                let near = (found - expected).abs() < 1e-12;
                assert!(near, "{shape:?}, {tolerance_mm} mm, {what}: {found}, not {expected}");
            }
        }
    }
    assert_eq!(cases.len(), 3);
}

/// What is 0 and what is undefined follows Dice.
#[test]
fn empty_masks() {
    let empty = Array3::<u16>::zeros((3, 4, 5));
    let mut one = empty.clone();
    one[[1, 2, 3]] = 4;
    let score = |prediction: &Array3<u16>, truth: &Array3<u16>| {
        let protocol = Protocol::default();
        let score = CaseScore::new("a", prediction.view(), truth.view(), [1.0; 3], &one_label(), protocol);
        let score = score.expect("one shape").labels.remove(0);
        [score.dice, score.surface_dice, score.iou, score.precision, score.recall]
    };
    assert_eq!(score(&empty, &empty), [None; 5]);
    assert_eq!(score(&one, &empty), [Some(0.0); 5]);
    assert_eq!(score(&empty, &one), [Some(0.0); 5]);
    assert_eq!(score(&one, &one), [Some(1.0); 5]);
}

/// A mean counts all measures of overlap as it counts Dice.
#[test]
fn empty_masks_in_means() {
    let empty = Array3::<u16>::zeros((3, 4, 5));
    let mut one = empty.clone();
    one[[1, 2, 3]] = 4;
    for (empty_policy, expected) in [
        ("zero", (2.0 / 4.0, 4)),
        ("one", (3.0 / 4.0, 4)),
        ("nan", (2.0 / 3.0, 3)),
        ("medpy", (3.0 / 4.0, 4)),
        ("monai", (2.0 / 2.0, 2)),
    ] {
        let protocol = Protocol {
            empty: empty_policy.parse().expect("a policy"),
            ..Protocol::default()
        };
        // Two perfect cases, one with nothing in either map, one false positive.
        let cases = [(&one, &one), (&one, &one), (&empty, &empty), (&one, &empty)];
        let cases = cases
            .iter()
            .zip(["a", "b", "c", "d"])
            .map(|((prediction, truth), name)| {
                let score = CaseScore::new(name, prediction.view(), truth.view(), [1.0; 3], &one_label(), protocol);
                score.expect("one shape")
            });
        let mean = Evaluation::new(cases.collect(), &one_label(), protocol).mean;
        for found in [mean.dice, mean.surface_dice, mean.iou, mean.precision, mean.recall] {
            let found = found.map(|found| (found.mean, found.count));
            assert_eq!(found, Some(expected), "{empty_policy}");
        }
    }
}

/// Sides of voxels are 32-bit numbers in files: five times 0.4 mm is within 2 mm.
#[test]
fn a_distance_that_equals_the_tolerance_is_within_it() {
    let mut prediction = Array3::<u16>::zeros((1, 1, 9));
    let mut truth = prediction.clone();
    prediction[[0, 0, 1]] = 4;
    truth[[0, 0, 6]] = 4;
    let side = f64::from(0.4f32);
    assert!(5.0 * side > 2.0);
    let within = |spacing: f64| {
        let (p, t) = (prediction.view(), truth.view());
        let score = CaseScore::new("a", p, t, [spacing; 3], &one_label(), Protocol::default());
        score.expect("one shape").labels[0].surface_dice
    };
    assert_eq!(within(side), Some(1.0));
    assert_eq!(within(0.401), Some(0.0));
}
