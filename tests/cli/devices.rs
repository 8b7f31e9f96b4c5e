//! Devices that share the batches of a step. Here they are one CPU, named twice: copying, distributing and gathering
//! are the same.

use std::fs;
use std::path::Path;

use medcontext_tests::devices;
use safetensors::SafeTensors;
use tempfile::TempDir;

use crate::experiment::EXPERIMENT;
use crate::{loss, path, phantom, refuse, steps, succeed};

const RUN: [&str; 4] = ["--patch", "16,16,16", "--iterations", "20"];

/// One batch of two on one device.
const WHOLE: [&str; 2] = ["--batch-size", "2"];
/// The same two patches as two batches.
const HALVES: [&str; 4] = ["--batch-size", "1", "--accumulation", "2"];
const TWO_DEVICES: [&str; 2] = ["--device", "cpu,cpu"];

// With SGD: AdamW turns gradients near zero, and thus rounding of their sums, into full steps.
#[test]
fn two_devices_learn_what_one_does_with_twice_the_batch() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let settings = path(folder.path(), "sgd.toml");
    let sgd = "learning_rate = 0.02\noptimizer = { kind = \"sgd\", momentum = 0.9, nesterov = true }";
    fs::write(&settings, sgd).expect("settings");
    let run = |name: &str, more: &[&[&str]]| {
        let method = ["--medcontext", "off", "--config", &settings];
        let more = [RUN.as_slice(), &method, more.concat().as_slice()].concat();
        let steps = steps(&data, &path(folder.path(), name), &more);
        steps.iter().map(loss).collect::<Vec<_>>()
    };
    let one = run("one", &[&WHOLE]);
    let two = run("two", &[&HALVES, &TWO_DEVICES]);
    assert_eq!(one.len(), 20);
    for (step, (one, two)) in one.iter().zip(&two).enumerate() {
        assert!((one - two).abs() < 1e-4, "step {step}: {one}, {two}");
    }
    assert!(one[19] < 0.9 * one[0], "it learns: {one:?}");
}

// Consistency is a quotient over a batch, so here the batches must be the same.
#[test]
fn the_number_of_devices_does_not_change_what_is_learned() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let run = |name: &str, more: &[&[&str]]| {
        let out = path(folder.path(), name);
        let method = ["--medcontext", "paper"];
        let more = [RUN.as_slice(), &method, more.concat().as_slice()].concat();
        let losses: Vec<f64> = steps(&data, &out, &more).iter().map(loss).collect();
        let weights = fs::read(Path::new(&out).join("last.safetensors")).expect("weights");
        (losses, weights)
    };
    let (one, weights) = run("one", &[&HALVES]);
    let (two, shared) = run("two", &[&HALVES, &TWO_DEVICES]);
    assert_eq!(one, two);
    assert!(weights == shared, "bit for bit");
}

#[test]
fn more_devices_than_batches_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let out = path(folder.path(), "run");
    let fixed = [
        "train",
        "--data",
        &data,
        "--out",
        &out,
        "--iterations",
        "1",
        "--patch",
        "32,32,32",
    ];
    let fixed = [fixed.as_slice(), &TWO_DEVICES].concat();
    let sentence = refuse(&[fixed.as_slice(), &["--accumulation", "1"]].concat());
    assert!(sentence.contains("set accumulation to 2"), "{sentence}");
    assert!(!Path::new(&out).exists(), "nothing is written");
    // Where nobody says how many, a plan gives one to each.
    succeed(&fixed);
    let config = fs::read_to_string(Path::new(&out).join("config.toml")).expect("settings");
    assert!(config.contains("\naccumulation = 2\n"), "{config}");
}

/// Running statistics by name.
fn statistics(out: &str) -> Vec<(String, Vec<f32>)> {
    let file = fs::read(Path::new(out).join("last.safetensors")).expect("weights");
    let tensors = SafeTensors::deserialize(&file).expect("a file");
    let mut found: Vec<_> = tensors
        .iter()
        .filter(|(name, _)| name.contains("running_"))
        .map(|(name, tensor)| {
            let (values, _) = tensor.data().as_chunks::<4>();
            let values = values.iter().map(|bytes| f32::from_le_bytes(*bytes));
            (name.to_owned(), values.collect())
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// Batch norm's running statistics stay on the first device, with the student, and are those of its batches.
#[test]
fn batch_norm_learns_on_two_kinds_of_device() {
    if devices().len() < 2 {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let settings = path(folder.path(), "batch.toml");
    let network = "backbone = \"pcrlv2\"\n[network]\nkind = \"pcrlv2\"\nwidth = 8\nnorm = \"batch\"";
    fs::write(&settings, network).expect("settings");
    let run = |name: &str, devices: &str| {
        let out = path(folder.path(), name);
        let fixed = ["train", "--data", &data, "--out", &out, "--config", &settings];
        let more = ["--patch", "16,16,16", "--iterations", "2", "--device", devices];
        succeed(&[fixed.as_slice(), &more, &HALVES].concat());
        statistics(&out)
    };
    let (same, other) = (run("same", "cpu,cpu"), run("other", "cpu,wgpu"));
    assert!(!same.is_empty());
    assert_eq!(same.len(), other.len());
    for ((name, same), (_, other)) in same.iter().zip(&other) {
        let off = same.iter().zip(other).map(|(a, b)| (a - b).abs());
        let off = off.fold(0.0, f32::max);
        // After AdamW's first step, whose size does not depend on the rounding of small gradients.
        assert!(off < 2e-3, "{name}: {off}");
    }
}

/// The CPU is the same as itself; a device that is not there is refused.
#[test]
fn a_device_is_compared_with_the_cpu() {
    let told = succeed(&["verify", "--device", "cpu", "--backbone", "unetr", "--json"]);
    let line = told.lines().find(|line| line.starts_with('{')).expect("a line of JSON");
    let found: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(found["agrees"], true);
    assert_eq!(found["found"]["backbone"], "unetr");
    assert_eq!(found["found"]["patch"], serde_json::json!([16, 32, 32]));
    for distance in ["logits", "gradients", "losses"] {
        assert_eq!(found["found"][distance], 0.0, "{distance}");
    }
    let sentence = refuse(&["verify", "--device", "cuda"]);
    assert!(sentence.contains("cuda"), "{sentence}");
}

#[test]
fn the_cells_of_an_experiment_are_shared_too() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let text = EXPERIMENT
        .replace("splits.json:one", "one")
        .replace("[lists]", "[lists]\none = [\"phantom_003\"]")
        .replace("seeds = [0, 1]", "seeds = [0]");
    let run = |name: &str, batches: usize| {
        let file = path(folder.path(), &format!("{name}.toml"));
        let accumulation = format!("accumulation = {batches}\nbatch_size = 1");
        fs::write(&file, text.replace("batch_size = 1", &accumulation)).expect("written");
        vec!["experiment".to_owned(), file, "--data".to_owned(), data.clone()]
    };
    let mut weights = Vec::new();
    for devices in ["cpu", "cpu,cpu"] {
        let out = path(folder.path(), devices);
        let command = run("two", 2);
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        succeed(&[command.as_slice(), &["--out", &out, "--device", devices]].concat());
        weights.push(fs::read(Path::new(&out).join("unetr/two/seed-0/last.safetensors")).expect("weights"));
    }
    assert!(weights[0] == weights[1], "bit for bit");
    let (command, out) = (run("one", 1), path(folder.path(), "none"));
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let error = refuse(&[command.as_slice(), &["--out", &out, "--device", "cpu,cpu"]].concat());
    assert!(
        error.contains("row \"UNETR\": 2 devices cannot share a step of 1 batch"),
        "{error}"
    );
}
