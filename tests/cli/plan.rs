//! `core plan`, and a run with planned settings.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::{path, phantom, refuse, succeed};

#[test]
fn a_plan_says_what_it_chose_and_why_and_a_run_takes_it() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let file = path(folder.path(), "plan.toml");
    let json = succeed(&["plan", "--data", &data, "--json", "--out", &file]);
    let plan: Value = serde_json::from_str(&json).expect("JSON");
    let decisions = plan["decisions"].as_array().expect("a list");
    for setting in [
        "preprocessing.spacing",
        "preprocessing.normalization",
        "patch",
        "iterations",
    ] {
        let decision = decisions.iter().find(|decision| decision["setting"] == setting);
        let decision = decision.expect(setting);
        assert!(
            decision["reason"].as_str().is_some_and(|reason| !reason.is_empty()),
            "{setting}"
        );
    }
    // The phantoms are CT: air, and organs of 30 to 130 HU.
    let rule = &plan["config"]["preprocessing"]["normalization"]["clip-z-score"];
    let mean = rule["mean"].as_f64().expect("a mean");
    assert!((0.0..200.0).contains(&mean), "{rule}");

    // The same settings from the file and by default, but for the length of the run.
    let [from_file, by_default] = ["file", "default"].map(|run| path(folder.path(), run));
    let short = ["--iterations", "1", "--data", &data, "--out"];
    succeed(&[&["train", "--config", &file], &short[..], &[&from_file]].concat());
    succeed(&[&["train"], &short[..], &[&by_default]].concat());
    let [file, default] = [from_file, by_default].map(|run| fs::read_to_string(format!("{run}/config.toml")));
    let (file, default) = (file.expect("settings"), default.expect("settings"));
    assert_eq!(file, default);
    assert!(
        file.contains("backbone = \"pcrlv2\"") && file.contains("[preprocessing.spacing]"),
        "{file}"
    );
}

/// The number of iterations follows from measured steps, and a resumed run keeps it.
#[test]
fn minutes_become_iterations_and_a_resumed_run_has_its_own() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let out = path(folder.path(), "run");
    // A second and a half.
    let budget = ["train", "--data", &data, "--budget-minutes", "0.025", "--out", &out];
    succeed(&budget);
    let text = fs::read_to_string(format!("{out}/config.toml")).expect("settings");
    let summary: Value =
        serde_json::from_str(&fs::read_to_string(format!("{out}/summary.json")).expect("a summary")).expect("JSON");
    let iterations = summary["iterations"].as_u64().expect("a number");
    assert!(text.contains(&format!("iterations = {iterations}\n")), "{text}");
    let seconds = summary["seconds"].as_f64().expect("a number");
    // A machine that is busy with other tests takes longer, but a wrong unit would be off by 60.
    assert!((0.2..30.0).contains(&seconds), "{iterations} iterations in {seconds} s");

    succeed(&[&budget[..], &["--resume"]].concat());
    let again = fs::read_to_string(format!("{out}/config.toml")).expect("settings");
    assert_eq!(again, text);
}

#[test]
fn voxels_that_memory_does_not_hold_are_refused_with_the_nearest() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let settings = path(folder.path(), "fine.toml");
    fs::write(
        &settings,
        "iterations = 1\n[preprocessing.spacing]\nmm = [0.05, 0.05, 0.05]\nrule = \"nn-unet\"\n",
    )
    .expect("a file");
    let out = path(folder.path(), "run");
    let refused = refuse(&["train", "--data", &data, "--config", &settings, "--out", &out]);
    assert!(
        refused.contains("at voxels of 0.05 × 0.05 × 0.05 mm the cases take")
            && refused.contains("the nearest that works is"),
        "{refused}"
    );
}

#[test]
fn no_time_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let sentence = refuse(&["plan", "--data", &data, "--budget-minutes", "0"]);
    assert!(sentence.contains("minutes"), "{sentence}");
}
