//! A run's settings from defaults, a method, a file and the command line.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::{core, path, phantom, succeed, text};

const RUN: [&str; 8] = [
    "--size",
    "tiny",
    "--patch",
    "16,16,16",
    "--batch-size",
    "1",
    "--backbone",
    "pcrlv2",
];

/// The settings and warnings of a run of three steps, or as many as given.
fn run(folder: &Path, name: &str, file: &str, more: &[&str]) -> (String, String) {
    let (data, out) = (path(folder, "phantom"), path(folder, name));
    let settings = path(folder, "settings.toml");
    fs::write(&settings, file).expect("settings");
    let length = ["--iterations", "3"];
    let length: &[&str] = if more.contains(&"--iterations") { &[] } else { &length };
    let fixed = ["train", "--data", &data, "--out", &out, "--config", &settings];
    let output = core(&[fixed.as_slice(), &RUN, length, more].concat());
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    let config = fs::read_to_string(Path::new(&out).join("config.toml")).expect("settings");
    (config, said)
}

/// The value of a setting.
fn value<'a>(config: &'a str, name: &str) -> &'a str {
    let lines = config.lines().rev();
    let mut settings = lines.filter_map(|line| line.split_once(" = "));
    let found = settings.find(|(key, _)| *key == name);
    let (_, value) = found.unwrap_or_else(|| panic!("no {name} in {config}"));
    value
}

fn number(config: &str, name: &str) -> f64 {
    value(config, name).parse().expect("a number")
}

/// A plain run has a momentum fitted to its length, written as a number.
#[test]
fn a_short_run_has_a_fitted_teacher_by_default() {
    let folder = TempDir::new().expect("a folder");
    phantom(folder.path());
    let (config, _) = run(folder.path(), "plain", "iterations = 700", &["--iterations", "20"]);
    // exp(−(1 − m) · 20 / 2) = 0.001
    assert!((number(&config, "momentum") - 0.309_224_472).abs() < 1e-8, "{config}");
    assert_eq!(number(&config, "warmup"), 2.0);
    let (config, _) = run(folder.path(), "paper", "", &["--medcontext", "paper"]);
    assert_eq!(number(&config, "momentum"), 0.996);
}

#[test]
fn a_method_keeps_what_the_file_sets() {
    let folder = TempDir::new().expect("a folder");
    phantom(folder.path());
    let file = "[medcontext]\nmask_ratio = 0.25\nbeta = 0.1";
    for (method, momentum) in [("fitted", 0.0), ("paper", 0.996), ("released-nnformer", 0.996)] {
        let (config, said) = run(folder.path(), method, file, &["--medcontext", method]);
        assert_eq!(number(&config, "mask_ratio"), 0.25, "{method}");
        assert_eq!(number(&config, "beta"), 0.1, "{method}");
        assert_eq!(number(&config, "momentum"), momentum, "{method}");
        assert!(said.contains("beta, mask_ratio of [medcontext]"), "{said}");
    }
    let file = "[medcontext]\nmomentum = 0.9\nenabled = false";
    let (config, said) = run(folder.path(), "own", file, &["--medcontext", "fitted"]);
    assert_eq!(number(&config, "momentum"), 0.9);
    assert_eq!(value(&config, "enabled"), "true");
    assert!(said.contains("its momentum of [medcontext] is used"), "{said}");
    let file = "[medcontext]\nmask_ratio = 0.25";
    let (config, _) = run(folder.path(), "off", file, &["--medcontext", "off"]);
    assert_eq!(value(&config, "enabled"), "false");
}

#[test]
fn a_warm_up_is_as_long_as_was_asked() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let (config, said) = run(folder.path(), "long", "warmup = 12\nlearning_rate = 0.012", &[]);
    assert_eq!(number(&config, "warmup"), 12.0);
    assert!(
        said.contains("the warm-up of 12 steps is longer than the run of 3"),
        "{said}"
    );
    let log = fs::read_to_string(folder.path().join("long/log.jsonl")).expect("a log");
    let rates = log.lines().filter_map(|line| {
        let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
        event["learning_rate"].as_f64()
    });
    for (rate, expected) in rates.zip([0.001, 0.002, 0.003]) {
        assert!((rate - expected).abs() < 1e-12, "{rate}");
    }
    // A run resumes with the settings that it started with, given in the same words.
    let out = path(folder.path(), "again");
    let again = ["train", "--data", &data, "--out", &out, "--iterations", "3", "--resume"];
    let again = [again.as_slice(), &RUN].concat();
    succeed(&again);
    succeed(&again);
}
