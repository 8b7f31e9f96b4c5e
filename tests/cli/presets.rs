//! Every preset on phantoms in its data set's layout: two steps of a tiny network, then a prediction.

use std::fs;
use std::path::Path;

use medcontext_core::volume::{Image, LabelImage, Limits};
use tempfile::TempDir;

use crate::{core, path, refuse, succeed, text};

/// Phantoms in a preset's layout: three labeled and one unlabeled.
fn lay_out(folder: &Path, preset: &str) -> String {
    let data = path(folder, "data");
    let fixed = ["--cases", "3", "--unlabeled", "1", "--voxels", "18,22"];
    let arguments = ["phantom", "--out", &data, "--layout", preset];
    succeed(&[arguments.as_slice(), &fixed].concat());
    data
}

/// Phantoms have voxels of a centimeter: resampled to the preset's spacing they would be large.
const COARSE: &str = "[preprocessing.spacing]\nmm = [11.0, 12.0, 13.0]\n";

/// Trains for two steps with the preset's settings and the given options, and returns the warnings.
fn train(folder: &Path, data: &str, preset: &str, options: &[&str]) -> String {
    let (out, config) = (path(folder, "run"), path(folder, "coarse.toml"));
    let coarse = matches!(preset, "synapse" | "acdc");
    fs::write(&config, if coarse { COARSE } else { "" }).expect("written");
    let arguments = [
        "train", "--data", data, "--out", &out, "--preset", preset, "--config", &config,
    ];
    let fixed = ["--size", "tiny", "--iterations", "2", "--batch-size", "1"];
    let output = core(&[arguments.as_slice(), &fixed, options].concat());
    let warned = text(&output.stderr);
    assert!(output.status.success(), "{warned}");
    warned
}

/// Segments what `input` names and returns the label map of `case`.
fn predict(folder: &Path, input: &str, case: &str) -> LabelImage {
    let (weights, out) = (path(folder, "run/last.safetensors"), path(folder, "predicted"));
    succeed(&[
        "predict",
        "--weights",
        &weights,
        "--input",
        input,
        "--output",
        &out,
        "--overlap",
        "0.0",
    ]);
    let bytes = fs::read(Path::new(&out).join(format!("{case}.nii.gz"))).expect(case);
    let image = Image::read(&bytes, &Limits::default()).expect("a volume");
    LabelImage::from_image(image).expect("labels")
}

fn config(folder: &Path) -> String {
    fs::read_to_string(folder.join("run/config.toml")).expect("the settings")
}

/// A round; `unlabeled` is what to segment, `case` its name and `ids` the labels there may be.
fn round(preset: &str, options: &[&str], unlabeled: &str, case: &str, ids: &[u16]) -> String {
    let folder = TempDir::new().expect("a folder");
    let data = lay_out(folder.path(), preset);
    train(folder.path(), &data, preset, options);
    let labels = predict(folder.path(), &path(Path::new(&data), unlabeled), case);
    assert!(
        labels.present().iter().all(|id| ids.contains(id)),
        "{:?}",
        labels.present()
    );
    // On the grid of the file that was segmented.
    let side = |dim: usize| (13..=22).contains(&dim);
    assert!(labels.grid().dims.into_iter().all(side), "{:?}", labels.grid());
    config(folder.path())
}

const CUBE: [&str; 2] = ["--patch", "16,16,16"];

#[test]
fn synapse() {
    let ids: Vec<u16> = (1..=13).collect();
    let config = round("synapse", &CUBE, "RawData/Testing", "img0061", &ids);
    assert!(
        config.contains("low = -175.0") && config.contains("patches_per_case = 4"),
        "{config}"
    );
}

#[test]
fn a_class_that_no_training_case_has_is_named() {
    let folder = TempDir::new().expect("a folder");
    let data = lay_out(folder.path(), "synapse");
    let said = train(folder.path(), &data, "synapse", &CUBE);
    let lines: Vec<&str> = said.lines().collect();
    // Of 13 organs, phantoms have the liver and two kidneys; of 18 cases, three are here.
    assert_eq!(lines.len(), 11, "{said}");
    assert!(
        lines[0].starts_with("synapse train: 3 of 18 published cases are here"),
        "{said}"
    );
    assert!(
        lines.contains(&"no training case has spleen: it will not be found"),
        "{said}"
    );
    assert!(!said.contains("has liver") && !said.contains("kidney"), "{said}");
}

#[test]
fn acdc() {
    let config = round("acdc", &CUBE, "testing", "patient101_frame01", &[1, 2, 3]);
    assert!(config.contains("non-zero-z-score"), "{config}");
}

#[test]
fn acdc_with_nnformer() {
    let options = ["--patch", "6,32,32", "--backbone", "nnformer"];
    let config = round("acdc", &options, "testing", "patient101_frame01", &[1, 2, 3]);
    assert!(
        config.contains("nnformer-acdc") && config.contains("momentum = 0.99"),
        "{config}"
    );
}

#[test]
fn brats21() {
    let config = round("brats21", &CUBE, "BraTS2021_00003", "BraTS2021_00003", &[1, 2, 4]);
    assert!(config.contains("sigmoid"), "{config}");
}

#[test]
fn brats17() {
    // One file of four frames.
    let config = round("brats17", &CUBE, "imagesTs/BRATS_485.nii.gz", "BRATS_485", &[1, 2, 3]);
    assert!(config.contains("sigmoid"), "{config}");
}

#[test]
fn decathlon() {
    let config = round("decathlon", &CUBE, "imagesTs", "phantom_004", &[1, 2]);
    assert!(config.contains("clip-z-score"), "{config}");
}

#[test]
fn lists_of_a_preset_are_named() {
    let folder = TempDir::new().expect("a folder");
    let data = lay_out(folder.path(), "synapse");
    let held_out = path(folder.path(), "held-out.json");
    fs::write(&held_out, r#"{"val": ["img0005"]}"#).expect("written");
    let held_out = format!("{held_out}:val");
    let lists = [CUBE.as_slice(), &["--split", "five-shot", "--val", &held_out]].concat();
    train(folder.path(), &data, "synapse", &lists);
    let log = fs::read_to_string(folder.path().join("run/log.jsonl")).expect("a log");
    // img0005, img0006 and img0007 are here; the five start with img0006.
    assert!(
        log.contains("\"training_cases\":2") && log.contains("\"validation_cases\":1"),
        "{log}"
    );
    let out = path(folder.path(), "other");
    let arguments = ["train", "--data", &data, "--out", &out, "--preset", "synapse"];
    let sentence = refuse(&[arguments.as_slice(), &["--split", "fold0"]].concat());
    assert!(
        sentence.contains("synapse has no list fold0; it has train"),
        "{sentence}"
    );
    let sentence = refuse(&["train", "--data", &data, "--out", &out, "--preset", "brats17"]);
    assert!(
        sentence.contains("no case of brats17's list train is here"),
        "{sentence}"
    );
}

#[test]
fn channels_have_to_agree() {
    let folder = TempDir::new().expect("a folder");
    let data = lay_out(folder.path(), "brats21");
    train(folder.path(), &data, "brats21", &CUBE);
    let weights = path(folder.path(), "run/last.safetensors");
    let out = path(folder.path(), "predicted");
    let one = path(Path::new(&data), "BraTS2021_00003/BraTS2021_00003_t1.nii.gz");
    let output = core(&["predict", "--weights", &weights, "--input", &one, "--output", &out]);
    let said = text(&output.stderr);
    assert!(said.contains("are for 4 channels and the case has 1"), "{said}");
    // A case of three contrasts beside cases of four.
    let name = "BraTS2021_00001/BraTS2021_00001_t2.nii.gz";
    fs::remove_file(Path::new(&data).join(name)).expect("it was there");
    let seg = "BraTS2021_00001/BraTS2021_00001_seg.nii.gz";
    let moved = "BraTS2021_00001/BraTS2021_00001_t1_seg.nii.gz";
    fs::rename(Path::new(&data).join(seg), Path::new(&data).join(moved)).expect("renamed");
    let other = path(folder.path(), "other");
    let sentence = refuse(&["train", "--data", &data, "--out", &other]);
    assert!(sentence.contains("has 4 channels and case"), "{sentence}");
}
