//! Post-processing of label maps against SciPy.

use medcontext_core::infer::PostProcessing;
use ndarray::Array3;
use serde_json::Value;

/// Digits in the array's order.
fn labels(shape: [usize; 3], digits: &Value) -> Array3<u8> {
    let digits = digits.as_str().expect("digits").bytes().map(|digit| digit - b'0');
    Array3::from_shape_vec(shape, digits.collect()).expect("its own shape")
}

#[test]
fn components_and_holes_as_scipy_finds_them() {
    let fixture = include_str!("../fixtures/post_processing.json");
    let cases: Vec<Value> = serde_json::from_str(fixture).expect("JSON");
    // A voxel's volume in mL, which turns numbers of voxels into sizes.
    let voxel_ml = 0.6 * 0.7 * 3.0 / 1000.0;
    let mut compared = 0;
    for case in &cases {
        let shape: [usize; 3] = serde_json::from_value(case["shape"].clone()).expect("three sides");
        let start = labels(shape, &case["labels"]);
        for result in case["results"].as_array().expect("a list") {
            let settings = PostProcessing {
                largest_component: result["largest_component"] == true,
                fill_holes: result["fill_holes"] == true,
                smallest_ml: result["smallest_voxels"].as_f64().expect("a number") * voxel_ml,
            };
            let mut found = start.clone();
            settings.apply(&mut found, voxel_ml);
            let expected = labels(shape, &result["labels"]);
            assert_ne!(expected, start, "{settings:?} does something");
            assert_eq!(found, expected, "{settings:?} of {shape:?}");
            compared += 1;
        }
    }
    assert_eq!(compared, 12);
}
