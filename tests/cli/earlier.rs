//! Files of an earlier version still open: a run that was killed, weights, settings. `tests/fixtures/earlier/README.md`
//! describes how they were made.

use std::fs;
use std::path::{Path, PathBuf};

use medcontext_core::volume::{Image, Limits};
use serde_json::Value;
use tempfile::TempDir;

use crate::{path, succeed};

/// Total loss at the run's last step with the version that wrote it.
const LAST_LOSS: f64 = 3.401_974_201_202_393;

/// Voxels of the second label that its weights predicted in the unlabeled scan.
const VOXELS_FOUND: usize = 3417;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/earlier")
}

#[test]
fn a_run_that_an_earlier_version_began_is_resumed() {
    let folder = TempDir::new().expect("a folder");
    let run = folder.path().join("run");
    fs::create_dir(&run).expect("a folder");
    for entry in fs::read_dir(fixtures().join("run")).expect("the run") {
        let entry = entry.expect("a file");
        fs::copy(entry.path(), run.join(entry.file_name())).expect("copied");
    }
    let (scans, config) = (path(&fixtures(), "scans"), path(&fixtures(), "run/config.toml"));
    let out = path(folder.path(), "run");
    succeed(&[
        "train", "--data", &scans, "--config", &config, "--out", &out, "--device", "cpu", "--resume",
    ]);
    let log = fs::read_to_string(run.join("log.jsonl")).expect("a log");
    let events: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("an event"))
        .collect();
    let steps: Vec<u64> = events
        .iter()
        .filter(|event| event["event"] == "step")
        .filter_map(|event| event["iteration"].as_u64())
        .collect();
    assert_eq!(steps, (1..=60).collect::<Vec<u64>>());
    let last = events
        .iter()
        .rfind(|event| event["event"] == "step")
        .and_then(|event| event["losses"]["total"].as_f64())
        .expect("a loss");
    // Another CPU may round differently.
    assert!((last - LAST_LOSS).abs() < 1e-3, "{last}");
}

#[test]
fn weights_of_an_earlier_version_segment_as_they_did() {
    let folder = TempDir::new().expect("a folder");
    let weights = path(&fixtures(), "run/last.safetensors");
    let said = succeed(&["info", &weights]);
    assert!(said.contains("1 liver, 2 kidney"), "{said}");
    let (input, out) = (path(&fixtures(), "scans/imagesTs"), path(folder.path(), "out"));
    succeed(&["predict", "--weights", &weights, "--input", &input, "--output", &out]);
    let file = fs::read(folder.path().join("out/phantom_004.nii.gz")).expect("a segmentation");
    let labels = Image::read(&file, &Limits::default()).expect("a volume");
    let found = labels.canonical().iter().filter(|value| **value == 2.0).count();
    // A voxel between two labels may get the other one on another CPU.
    assert!(found.abs_diff(VOXELS_FOUND) <= 5, "{found}");
}
