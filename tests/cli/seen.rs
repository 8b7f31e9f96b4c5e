//! Weights know the cases that they have seen, including those of the weights they started from.

use std::fs;
use std::path::Path;

use medcontext_core::weights::Metadata;
use tempfile::TempDir;

use crate::{lists, path, phantom, succeed, train};

fn names(weights: &Path) -> Option<Vec<String>> {
    let bytes = fs::read(weights).expect("weights");
    let training = Metadata::read(&bytes).expect("metadata").training;
    if let Some(names) = &training.case_names {
        assert!(names.iter().all(|name| training.saw(name) == Some(true)));
        assert_eq!(training.saw("phantom_009"), Some(false));
    } else {
        assert_eq!(training.saw("phantom_001"), None);
    }
    training.case_names
}

/// The same file in the form from before there was a list.
fn without_list(weights: &Path, to: &Path) {
    let bytes = fs::read(weights).expect("weights");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let mut header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).expect("a header");
    let told = header["__metadata__"]["medcontext"].as_str().expect("text");
    let mut told: serde_json::Value = serde_json::from_str(told).expect("metadata");
    let training = told["training"].as_object_mut().expect("training");
    assert!(training.remove("case_names").is_some());
    header["__metadata__"]["medcontext"] = told.to_string().into();
    let header = header.to_string();
    let size = (header.len() as u64).to_le_bytes();
    let all = [&size[..], header.as_bytes(), &bytes[8 + length..]].concat();
    fs::write(to, all).expect("written");
}

#[test]
fn weights_name_the_cases_that_they_have_seen_also_before_they_went_on() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let [first, second] = lists(folder.path());
    let run = |name: &str, more: &[&str]| {
        let out = path(folder.path(), name);
        succeed(&[&train(&data, &out), more].concat());
        folder.path().join(name).join("last.safetensors")
    };
    let weights = run("run", &["--split", &first]);
    assert_eq!(names(&weights).expect("a list"), ["phantom_001", "phantom_002"]);

    let start = weights.display().to_string();
    let next = run("next", &["--split", &second, "--start", &start]);
    let all = ["phantom_001", "phantom_002", "phantom_003"];
    assert_eq!(names(&next).expect("a list"), all);

    // The cases seen by older weights are unknown, and so are those of weights trained from them.
    let old = folder.path().join("old.safetensors");
    without_list(&weights, &old);
    let start = old.display().to_string();
    assert_eq!(names(&old), None);
    assert_eq!(names(&run("later", &["--split", &second, "--start", &start])), None);
}
