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
    let json = succeed(&[
        "plan",
        "--data",
        &data,
        "--budget-minutes",
        "5",
        "--json",
        "--out",
        &file,
    ]);
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

    // The same settings from the file and from the option, but for the length of the run.
    let [from_file, from_option] = ["file", "option"].map(|run| path(folder.path(), run));
    let short = ["--iterations", "1", "--data", &data, "--out"];
    succeed(&[&["train", "--config", &file], &short[..], &[&from_file]].concat());
    succeed(&[&["train", "--budget-minutes", "5"], &short[..], &[&from_option]].concat());
    let [file, option] = [from_file, from_option].map(|run| fs::read_to_string(format!("{run}/config.toml")));
    let (file, option) = (file.expect("settings"), option.expect("settings"));
    assert_eq!(file, option);
    assert!(
        file.contains("backbone = \"pcrlv2\"") && file.contains("[preprocessing.spacing]"),
        "{file}"
    );
}

#[test]
fn no_time_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let sentence = refuse(&["plan", "--data", &data, "--budget-minutes", "0"]);
    assert!(sentence.contains("minutes"), "{sentence}");
}
