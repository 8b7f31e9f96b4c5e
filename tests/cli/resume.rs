//! A killed run resumes as if nothing had happened.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use medcontext_tests::core_binary;
use tempfile::TempDir;

use crate::{path, phantom, refuse, succeed, train};

const ITERATIONS: &str = "24";

fn arguments<'a>(data: &'a str, out: &'a str, config: &'a str) -> Vec<&'a str> {
    vec![
        "train",
        "--data",
        data,
        "--out",
        out,
        "--config",
        config,
        "--backbone",
        "swin-unetr",
        "--size",
        "tiny",
        "--patch",
        "32,32,32",
        "--batch-size",
        "1",
        "--iterations",
        ITERATIONS,
        "--resume",
    ]
}

fn settings(folder: &Path, more: &str) -> String {
    let config = path(folder, "settings.toml");
    let text = format!("checkpoint_every = 2\n{more}\n");
    fs::write(&config, text).expect("settings");
    config
}

/// Starts the run, kills it after a while, and says whether it had ended by itself.
fn kill_after(arguments: &[&str], time: Duration) -> bool {
    let mut child = Command::new(core_binary())
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("core starts");
    std::thread::sleep(time);
    let ended = child.try_wait().expect("its state").is_some();
    // On Unix this is SIGKILL: the program cannot react.
    child.kill().expect("it is killed");
    child.wait().expect("it is gone");
    ended
}

/// Every file of a run can be read, whenever it was killed.
fn assert_readable(out: &str) {
    for name in ["last.safetensors", "state.safetensors"] {
        let file = Path::new(out).join(name);
        if file.exists() {
            let bytes = fs::read(&file).expect("a file");
            safetensors::SafeTensors::deserialize(&bytes).expect("a whole file");
        }
    }
}

#[test]
fn a_run_that_is_killed_ten_times_ends_with_the_same_weights() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    // DropPath, crops, augmentation and masks all draw random numbers.
    let config = settings(folder.path(), "");
    let whole = path(folder.path(), "whole");
    succeed(&arguments(&data, &whole, &config));
    let cut = path(folder.path(), "cut");
    let mut kills = 0;
    for milliseconds in [150, 900, 1700, 600, 1300, 2100, 400, 1100, 1900, 800] {
        let time = Duration::from_millis(milliseconds);
        kills += usize::from(!kill_after(&arguments(&data, &cut, &config), time));
        assert_readable(&cut);
    }
    assert!(kills > 0, "the run ended before it could be killed");
    succeed(&arguments(&data, &cut, &config));
    let weights = |run: &str| fs::read(Path::new(run).join("last.safetensors")).expect("weights");
    assert!(weights(&whole) == weights(&cut), "bit for bit");
    let log = fs::read_to_string(Path::new(&cut).join("log.jsonl")).expect("a log");
    let steps = log.lines().filter(|line| line.contains("\"event\":\"step\""));
    assert_eq!(steps.count().to_string(), ITERATIONS, "every step is logged once");
}

#[test]
fn a_run_with_other_settings_is_not_gone_on_with_unless_forced() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let out = path(folder.path(), "run");
    let config = settings(folder.path(), "");
    let run = [train(&data, &out), vec!["--config", &config, "--resume"]].concat();
    succeed(&run);
    settings(folder.path(), "learning_rate = 0.002\nwarmup = 2");
    let sentence = refuse(&run);
    assert!(sentence.contains("another learning_rate, warmup"), "{sentence}");
    succeed(&[run, vec!["--force"]].concat());
}

/// Changes before resuming: more steps, another case, nothing at all.
#[test]
fn going_on_is_refused_in_a_sentence_or_changes_nothing() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let out = path(folder.path(), "run");
    let run = [train(&data, &out), vec!["--resume"]].concat();
    let weights = || fs::read(Path::new(&out).join("last.safetensors")).expect("weights");
    // Without anything to resume, the run starts.
    succeed(&run);
    let first = weights();
    succeed(&run);
    assert!(weights() == first, "a finished run that goes on is as it was");

    let mut longer = run.clone();
    let steps = longer.iter().position(|argument| *argument == "2");
    longer[steps.expect("two iterations")] = "5";
    let sentence = refuse(&longer);
    assert!(sentence.contains("another iterations"), "{sentence}");
    assert!(weights() == first, "what was refused leaves the run alone");
    longer.push("--force");
    succeed(&longer);
    assert!(weights() != first);
    let progress = fs::read_to_string(Path::new(&out).join("progress.csv")).expect("progress");
    assert_eq!(progress.lines().count(), 1 + 5, "each step once: {progress}");

    for sort in ["imagesTr", "labelsTr"] {
        let of = |case: usize| format!("{data}/{sort}/phantom_{case:03}.nii.gz");
        fs::copy(of(1), of(9)).expect("copied");
    }
    longer.pop();
    let sentence = refuse(&longer);
    assert!(sentence.contains("case"), "{sentence}");
    assert!(refuse(&train(&data, &out)).contains("is not empty"));
}

#[test]
fn a_rate_that_ruins_the_weights_is_told_at_its_step() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let out = path(folder.path(), "run");
    let config = settings(
        folder.path(),
        "learning_rate = 1e30\nschedule = \"constant\"\nwarmup = 0",
    );
    let sentence = refuse(&[train(&data, &out), vec!["--config", &config, "--quiet"]].concat());
    assert!(sentence.contains("became NaN or infinite at step"), "{sentence}");
    assert_readable(&out);
}
