//! `core train --folds` on synthetic scans.

use std::fs;
use std::path::Path;

use medcontext_core::experiment::FoldSummary;
use tempfile::TempDir;

use crate::{path, phantom, predict, refuse, succeed, text, train};

const FOLDS: [&str; 3] = ["fold-1", "fold-2", "fold-3"];

fn summary(out: &str) -> FoldSummary {
    let bytes = fs::read(Path::new(out).join("folds.json")).expect("a summary");
    FoldSummary::from_json(&bytes).expect("of this version")
}

fn bytes(out: &str, name: &str) -> Vec<u8> {
    fs::read(Path::new(out).join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn each_case_is_held_out_once_and_the_folds_segment_together() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let out = path(folder.path(), "run");
    let told = succeed(&[train(&data, &out), vec!["--folds", "all"]].concat());
    for name in ["config.toml", "folds.json"] {
        assert!(Path::new(&out).join(name).exists(), "{name}");
    }
    for (index, fold) in FOLDS.into_iter().enumerate() {
        let case = format!("phantom_00{}", index + 1);
        for name in [
            "config.toml",
            "log.jsonl",
            "progress.csv",
            "curves.svg",
            "last.safetensors",
            "summary.json",
            "result.json",
            &format!("predicted/{case}.nii.gz"),
        ] {
            assert!(Path::new(&out).join(fold).join(name).exists(), "{fold}/{name}");
        }
        let expected = format!("fold {} of 3", index + 1);
        assert!(
            told.contains(&expected) && told.contains(&format!("held out: {case}")),
            "{told}"
        );
    }
    assert!(told.contains(" left in all; loss "), "{told}");
    let found = summary(&out);
    assert_eq!((found.planned, found.folds.len()), (3, 3));
    assert_eq!(found.folds[1].fold.training, ["phantom_001", "phantom_003"]);
    // The table is that of the cases, each measured by the network that has not seen it.
    let cases: Vec<&str> = found.evaluation.cases.iter().map(|case| case.case.as_str()).collect();
    assert_eq!(cases, ["phantom_001", "phantom_002", "phantom_003"]);
    assert!(
        told.contains("3 cases") && told.contains("liver") && told.contains("HD95"),
        "{told}"
    );
    let worst = found.worst.expect("a case");
    assert!(told.contains(&format!("worst case: {} (fold ", worst.case)), "{told}");
    let lowest = (found.evaluation.cases.iter())
        .filter_map(|case| case.mean_dice(found.evaluation.protocol.empty))
        .fold(1.0, f64::min);
    assert_eq!(worst.dice, lowest);

    let chosen = found.post_processing.expect("all folds are done");
    assert!(told.contains("post-processing chosen on the held-out cases"), "{told}");
    assert!(chosen.dice >= chosen.dice_before, "{chosen:?}");

    // A fold is the run that its cases and the same settings would give.
    let [list, alone, settings] = ["lists.json", "alone", "run/config.toml"].map(|name| path(folder.path(), name));
    fs::write(&list, r#"{"a": ["phantom_001", "phantom_003"]}"#).expect("written");
    let split = format!("{list}:a");
    succeed(&[train(&data, &alone), vec!["--split", &split, "--config", &settings]].concat());
    assert!(bytes(&alone, "last.safetensors") == bytes(&out, "fold-2/last.safetensors"));

    // The folder stands for all of its folds.
    let input = format!("{data}/imagesTr");
    let (whole, named) = (path(folder.path(), "whole"), path(folder.path(), "named"));
    let told = succeed(&predict(&out, &input, &whole));
    assert!(told.contains("ensemble of 3: "), "{told}");
    let weights = FOLDS.map(|fold| format!("{out}/{fold}/last.safetensors"));
    let [first, others @ ..] = weights.each_ref().map(String::as_str);
    // The weights alone do not know what all folds show.
    let settings = chosen.settings;
    let [largest, holes] = [settings.largest_component, settings.fill_holes].map(|on| on.to_string());
    let smallest = settings.smallest_ml.to_string();
    // As a shell writes them: several after one option.
    let arguments = [
        vec!["predict", "--weights", first],
        others.to_vec(),
        vec!["--input", &input, "--output", &named],
        vec![
            "--largest-component",
            &largest,
            "--fill-holes",
            &holes,
            "--smallest-ml",
            &smallest,
        ],
    ];
    succeed(&arguments.concat());
    assert!(bytes(&whole, "phantom_002.nii.gz") == bytes(&named, "phantom_002.nii.gz"));
}

#[test]
fn an_interrupted_run_goes_on_where_it_stopped() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let (whole, cut) = (path(folder.path(), "whole"), path(folder.path(), "cut"));
    let run = |out| [train(&data, out), vec!["--folds", "3", "--resume"]].concat();
    succeed(&run(&whole));
    succeed(&run(&cut));
    // As if it had been killed: the first fold is done, the second trained and not measured, the third has not begun.
    let time = |name: &str| {
        let facts = fs::metadata(Path::new(&cut).join(name)).expect("a file");
        facts.modified().expect("a time")
    };
    let first = time("fold-1/last.safetensors");
    let [list, alone, settings] = ["lists.json", "alone", "cut/config.toml"].map(|name| path(folder.path(), name));
    let second = summary(&cut).folds[1].fold.training.clone();
    fs::write(&list, format!("{{\"second\": {second:?}}}")).expect("written");
    let split = format!("{list}:second");
    succeed(&[train(&data, &alone), vec!["--split", &split, "--config", &settings]].concat());
    let state = Path::new(&alone).join("state.safetensors");
    fs::copy(state, Path::new(&cut).join("fold-2/state.safetensors")).expect("copied");
    for name in ["fold-2/result.json", "fold-2/log.jsonl"] {
        fs::remove_file(Path::new(&cut).join(name)).expect("there");
    }
    fs::remove_dir_all(Path::new(&cut).join("fold-3")).expect("there");
    // The summary of an unfinished run names what is missing.
    let mut half = summary(&cut);
    half.folds.truncate(1);
    let written = serde_json::to_string(&half).expect("JSON");
    fs::write(Path::new(&cut).join("folds.json"), written).expect("written");
    let sentence = refuse(&predict(&cut, &data, &path(folder.path(), "out")));
    assert!(sentence.contains("1 of 3 folds are done; finish them"), "{sentence}");

    let told = succeed(&run(&cut));
    assert!(!told.contains("fold 1 of 3") && told.contains("fold 2 of 3"), "{told}");
    assert_eq!(time("fold-1/last.safetensors"), first, "it is not trained again");
    let steps = |fold: &str| {
        text(&bytes(&cut, &format!("{fold}/log.jsonl")))
            .matches("\"event\":\"step\"")
            .count()
    };
    assert_eq!((steps("fold-2"), steps("fold-3")), (0, 2));
    for fold in FOLDS {
        let name = format!("{fold}/last.safetensors");
        assert!(bytes(&whole, &name) == bytes(&cut, &name), "{name}");
    }
    let told = succeed(&run(&cut));
    assert!(!told.contains("training on") && told.contains("worst case: "), "{told}");
    let [mut one, mut other] = [summary(&whole), summary(&cut)];
    for fold in one.folds.iter_mut().chain(&mut other.folds) {
        fold.seconds = 0.0;
    }
    assert_eq!(one, other);

    let sentence = refuse(&[run(&cut), vec!["--learning-rate", "0.5"]].concat());
    assert!(
        sentence.contains("fold-1/result.json was done with other settings"),
        "{sentence}"
    );
}

#[test]
fn what_cannot_be_divided_is_refused_in_one_sentence() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let out = path(folder.path(), "run");
    let refused = |folds: &str| refuse(&[train(&data, &out), vec!["--folds", folds]].concat());
    assert!(refused("4").contains("3 labeled cases cannot be divided into 4 folds: choose 2 to 3"));
    assert!(refused("1").contains("into 1 folds"));
    assert!(!Path::new(&out).exists(), "nothing is left behind");
    fs::create_dir(&out).expect("made");
    fs::write(Path::new(&out).join("notes.txt"), "mine").expect("written");
    assert!(refused("2").contains("--force"));
}

/// The minutes are for all folds: two steps in a third of the time of six.
#[test]
fn folds_share_a_budget() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let out = path(folder.path(), "run");
    let arguments = [
        "train",
        "--data",
        &data,
        "--out",
        &out,
        "--folds",
        "3",
        "--budget-minutes",
        "6",
    ];
    let tiny = [
        "--patch",
        "16,16,16",
        "--iterations",
        "1",
        "--backbone",
        "unetr",
        "--size",
        "tiny",
    ];
    let told = succeed(&[&arguments[..], &tiny].concat());
    assert!(told.contains("6 minutes for 3 folds are 2.0 for each"), "{told}");
    assert_eq!(summary(&out).folds.len(), 3);
}
