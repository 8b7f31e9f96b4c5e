//! What is measured in a case's voxels, against numpy (`tests/fixtures/fingerprint.py`).

use medcontext_core::dataset::{Case, CaseFacts, CaseFingerprint};
use medcontext_core::volume::{Affine, Form, Grid, Image, LabelImage, Voxels};
use serde_json::Value;

const REFERENCE: &str = include_str!("../fixtures/fingerprint.json");

fn list(value: &Value) -> Vec<f64> {
    let values = value.as_array().expect("a list").iter();
    values.map(|value| value.as_f64().expect("a number")).collect()
}

/// The case of the fixture: two channels and a label map with permuted and mirrored axes.
fn case(reference: &Value) -> Case {
    let case = &reference["case"];
    let rows: [[f64; 4]; 3] = std::array::from_fn(|row| list(&case["affine"][row]).try_into().expect("a row"));
    let dims = list(&case["dims"])
        .iter()
        .map(|&size| size as usize)
        .collect::<Vec<_>>();
    let grid = Grid {
        dims: dims.try_into().expect("three sizes"),
        affine: Affine(rows),
        form: Form::Sform,
    };
    let image = |values: &Value| {
        let voxels = list(values).iter().map(|&value| value as f32).collect();
        Image::new(Voxels::F32(voxels), grid.clone()).expect("an image")
    };
    let labels = LabelImage::from_image(image(&case["labels"])).expect("labels");
    Case::new("made", image(&case["channels"][0]), Some(labels))
        .and_then(|made| made.with_channels(vec![image(&case["channels"][1])]))
        .expect("a case")
}

/// Compares every number of two documents of the same form.
fn assert_alike(found: &Value, expected: &Value, place: &str) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            let keys = |object: &serde_json::Map<String, Value>| object.keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(found), keys(expected), "{place}");
            for (key, value) in expected {
                assert_alike(&found[key], value, &format!("{place}.{key}"));
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{place}");
            for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
                assert_alike(found, expected, &format!("{place}[{index}]"));
            }
        }
        _ => {
            let [found, expected] = [found, expected].map(|value| value.as_f64().expect(place));
            let allowed = 1e-6 * expected.abs().max(1.0);
            assert!(
                (found - expected).abs() <= allowed,
                "{place}: {found} and not {expected}"
            );
        }
    }
}

#[test]
fn facts_are_numpys() {
    let reference: Value = serde_json::from_str(REFERENCE).expect("JSON");
    let fingerprint = CaseFingerprint::of(&case(&reference));
    let facts = serde_json::to_value(fingerprint.facts).expect("facts");
    assert_alike(&facts, &reference["facts"], "facts");
}

#[test]
fn facts_survive_a_file_and_earlier_fingerprints_have_none() {
    let reference: Value = serde_json::from_str(REFERENCE).expect("JSON");
    let fingerprint = CaseFingerprint::of(&case(&reference));
    let mut stored = serde_json::to_value(&fingerprint).expect("a fingerprint");
    let read: CaseFingerprint = serde_json::from_value(stored.clone()).expect("the same fingerprint");
    assert_eq!(read, fingerprint);
    stored.as_object_mut().expect("an object").remove("facts");
    let earlier: CaseFingerprint = serde_json::from_value(stored).expect("an earlier fingerprint");
    assert_eq!(
        earlier,
        CaseFingerprint {
            facts: None,
            ..fingerprint
        }
    );
}

#[test]
fn an_empty_case_without_labels_is_kept_whole() {
    let grid = Grid {
        dims: [3, 4, 5],
        affine: Affine([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]),
        form: Form::Sform,
    };
    let image = Image::new(Voxels::U8(vec![0; 60]), grid).expect("an image");
    let facts = CaseFingerprint::of(&Case::new("empty", image, None).expect("a case")).facts;
    let CaseFacts {
        channels,
        labels,
        labeled_share,
        nonzero,
        nonzero_share,
    } = facts.expect("facts");
    assert_eq!((channels.len(), channels[0].labeled), (1, None));
    assert!(labels.is_empty());
    assert_eq!((labeled_share, nonzero_share), (0.0, 1.0));
    assert_eq!((nonzero.start, nonzero.size), ([0; 3], [5, 4, 3]));
}
