//! Devices that share the batches of a step. Here they are one CPU, named twice: what is copied, dealt out
//! and gathered is the same.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::{loss, path, phantom, refuse, steps};

const RUN: [&str; 4] = ["--patch", "16,16,16", "--iterations", "20"];

/// One batch of two on one device.
const WHOLE: [&str; 2] = ["--batch-size", "2"];
/// The same two patches as two batches.
const HALVES: [&str; 4] = ["--batch-size", "1", "--accumulation", "2"];
const TWO_DEVICES: [&str; 2] = ["--device", "cpu,cpu"];

// With SGD: AdamW makes whole steps of gradients near zero, and so of how their sums were rounded.
#[test]
fn two_devices_learn_what_one_does_with_twice_the_batch() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let settings = path(folder.path(), "sgd.toml");
    let sgd =
        "learning_rate = 0.02\noptimizer = { kind = \"sgd\", momentum = 0.9, nesterov = true }";
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

// Consistency is a quotient over a batch, so here the batches have to be the same.
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
    let fixed = ["train", "--data", &data, "--out", &out, "--size", "tiny"];
    let sentence = refuse(&[fixed.as_slice(), &TWO_DEVICES].concat());
    assert!(sentence.contains("set accumulation to 2"), "{sentence}");
    assert!(!Path::new(&out).exists(), "nothing is written");
}
