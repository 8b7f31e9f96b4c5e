//! A cascade in use: trained in one command, killed and resumed, used, looked into and taken apart.

use std::fs;
use std::path::Path;

use medcontext_core::weights::Metadata;
use tempfile::TempDir;

use crate::{path, phantom, predict, refuse, succeed};

/// Three steps on coarse voxels, four around the labels.
const SETTINGS: &str = r#"
backbone = "pcrlv2"
size = "tiny"
patch = [16, 16, 16]
batch_size = 1
iterations = 4
checkpoint_every = 1
learning_rate = 0.01

[medcontext]
enabled = false

[preprocessing.crop.labels]
margin_mm = 5

[coarse]
backbone = "pcrlv2"
size = "tiny"
patch = [16, 16, 16]
batch_size = 1
iterations = 3
checkpoint_every = 1
learning_rate = 0.01

[coarse.medcontext]
enabled = false

[coarse.preprocessing.spacing]
mm = [4.0, 4.0, 4.0]
rule = "nn-unet"
"#;

fn settings(folder: &Path, text: &str) -> String {
    let config = path(folder, "settings.toml");
    fs::write(&config, text).expect("settings");
    config
}

fn weights(run: &str) -> Vec<u8> {
    fs::read(Path::new(run).join("last.safetensors")).expect("weights")
}

#[test]
fn a_cascade_is_trained_resumed_used_and_taken_apart() {
    let folder = TempDir::new().expect("a folder");
    let (data, config) = (phantom(folder.path()), settings(folder.path(), SETTINGS));
    let (run, cached) = (path(folder.path(), "run"), path(folder.path(), "cached"));
    let train = |out: &str, more: &[&str]| {
        succeed(&[&["train", "--data", &data, "--out", out, "--config", &config], more].concat())
    };
    let said = train(&run, &[]);
    assert!(said.contains("the first stage is trained, in 3 steps"), "{said}");
    let log = fs::read_to_string(Path::new(&run).join("log.jsonl")).expect("a log");
    let steps = log.lines().filter(|line| line.contains("\"event\":\"step\""));
    assert_eq!(steps.count(), 7);
    // Patches from files are those from memory, in both stages.
    train(&cached, &["--cache", &path(folder.path(), "cache")]);
    assert!(weights(&run) == weights(&cached));

    // A shorter second stage is gone on with.
    let again = path(folder.path(), "again");
    let short = settings(folder.path(), &SETTINGS.replacen("iterations = 4", "iterations = 1", 1));
    succeed(&["train", "--data", &data, "--out", &again, "--config", &short]);
    let config = settings(folder.path(), SETTINGS);
    let resume = [
        "train", "--data", &data, "--out", &again, "--config", &config, "--resume", "--force",
    ];
    succeed(&resume);
    let metadata = Metadata::read(&weights(&again)).expect("weights");
    assert_eq!(metadata.training.iterations, 4);
    assert_eq!(metadata.coarse.expect("a first stage").training.iterations, 3);

    let file = format!("{run}/last.safetensors");
    let said = succeed(&["info", &file]);
    assert!(said.contains("a first stage in the file"), "{said}");
    let (input, out) = (format!("{data}/imagesTr"), path(folder.path(), "predicted"));
    let said = succeed(&predict(&file, &input, &out));
    // The windows of both stages are counted.
    let counts = said.lines().filter_map(|line| {
        let (done, all) = line.strip_prefix("window ")?.split_once(' ')?.0.split_once('/')?;
        Some((done.parse::<usize>().ok()?, all.parse::<usize>().ok()?))
    });
    let counts: Vec<(usize, usize)> = counts.collect();
    let (Some((_, of_first)), Some((done, all))) = (counts.first(), counts.last()) else {
        panic!("no windows: {said}");
    };
    assert!(done == all && all > of_first, "{said}");
    let first = path(folder.path(), "first.safetensors");
    succeed(&["convert", &file, &first, "--part", "coarse"]);
    let metadata = Metadata::read(&fs::read(&first).expect("a file")).expect("weights");
    assert_eq!((metadata.coarse, metadata.training.iterations), (None, 3));
    let both = path(folder.path(), "half.safetensors");
    let said = succeed(&["convert", &file, &both, "--precision", "f16"]);
    assert!(said.contains("the file also holds coarse"), "{said}");
    let metadata = Metadata::read(&fs::read(&both).expect("a file")).expect("weights");
    assert!(metadata.coarse.is_some());
}

#[test]
fn settings_that_are_no_cascade_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let out = path(folder.path(), "run");
    let whole = SETTINGS.replace("[preprocessing.crop.labels]\nmargin_mm = 5\n", "");
    let unknown = SETTINGS.replace("[coarse.medcontext]", "[coarse.medcontexts]");
    let patch = SETTINGS.replacen("patch = [16, 16, 16]", "patch = [32, 32, 32]", 1);
    let patch = patch.replacen("patch = [16, 16, 16]", "patch = [16, 16, 17]", 1);
    for (text, problem) in [
        (whole, "preprocessing.crop.labels.margin_mm"),
        (unknown, "coarse: unknown field `medcontexts`"),
        (patch, "coarse: "),
    ] {
        let config = settings(folder.path(), &text);
        let sentence = refuse(&["train", "--data", &data, "--out", &out, "--config", &config]);
        assert!(sentence.contains(problem), "{sentence}");
    }
}
