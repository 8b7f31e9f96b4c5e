//! `core cases` lists everything in a folder: as a case with its facts, or with the reason why it is not used.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::{path, phantom, refuse, succeed};

fn listed(folder: &str, more: &[&str]) -> Value {
    let told = succeed(&[&["cases", folder, "--json"], more].concat());
    serde_json::from_str(&told).expect("JSON")
}

fn ids(found: &Value) -> Vec<(&str, &str)> {
    let cases = found["cases"].as_array().expect("cases").iter();
    cases
        .map(|case| {
            let id = case["id"].as_str().expect("an id");
            (id, case["role"].as_str().expect("a role"))
        })
        .collect()
}

#[test]
fn cases_and_what_is_no_case_are_listed() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let labels = Path::new(&data).join("labelsTr");
    fs::copy(labels.join("phantom_001.nii.gz"), labels.join("nobody.nii.gz")).expect("copied");
    fs::write(Path::new(&data).join("slice.dcm"), "of another kind").expect("written");
    let found = listed(&data, &[]);
    assert_eq!(
        ids(&found),
        [
            ("phantom_001", "Train"),
            ("phantom_002", "Train"),
            ("phantom_003", "Train"),
            ("phantom_004", "Predict"),
        ]
    );
    let first = &found["cases"][0];
    let names = first["labels"].as_array().expect("labels").iter();
    let names: Vec<&str> = names.filter_map(|label| label["name"].as_str()).collect();
    assert_eq!(names, ["liver", "kidney"]);
    for label in first["labels"].as_array().expect("labels") {
        let voxels = label["voxels"].as_f64().expect("voxels");
        let spacing = first["spacing"].as_array().expect("spacing").iter();
        let voxel: f64 = spacing.filter_map(Value::as_f64).product();
        let milliliters = label["milliliters"].as_f64().expect("mL");
        assert!((milliliters - voxels * voxel / 1000.0).abs() < 1e-9 * milliliters);
    }
    assert_eq!(found["cases"][3]["labels"], Value::Null);
    let leftovers = found["leftovers"].as_array().expect("leftovers").iter();
    let leftovers: Vec<&str> = leftovers.filter_map(|file| file["path"].as_str()).collect();
    assert_eq!(leftovers, ["phantom/labelsTr/nobody.nii.gz", "phantom/slice.dcm"]);
    let told = succeed(&["cases", &data]);
    assert!(told.contains("phantom_004: to segment"), "{told}");
}

#[test]
fn an_image_that_cannot_be_read_is_named_and_the_others_are_listed() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    fs::write(Path::new(&data).join("imagesTs/bad.nii"), "no volume").expect("written");
    let found = listed(&data, &[]);
    assert_eq!(ids(&found).len(), 4);
    let problems = found["problems"].as_array().expect("problems");
    assert_eq!(problems.len(), 1);
    let problem = problems[0].as_str().expect("a sentence");
    assert!(problem.starts_with("phantom/imagesTs/bad.nii: "), "{problem}");
    let empty = path(folder.path(), "empty");
    fs::create_dir(&empty).expect("made");
    assert!(refuse(&["cases", &empty]).contains("empty"));
}
