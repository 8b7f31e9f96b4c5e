//! The `core` binary from its user's view: a whole round on synthetic scans, and one plain sentence for everything that
//! cannot work.

mod bad_input;
mod cache;
mod cascade;
mod cases_list;
mod checkpoints;
mod devices;
mod earlier;
mod ensemble;
mod evaluate;
mod experiment;
mod folder_table;
mod folders;
mod folds;
mod foreign;
mod inference;
mod names;
mod output;
mod partial;
mod plan;
mod precision;
mod presets;
mod pretrain;
mod published;
mod render;
mod resume;
mod seen;
mod settings;
mod shard;
mod surface;
mod uncertainty;
mod volumes;
mod weights;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use medcontext_core::dataset::{Case, PhantomCase};
use medcontext_core::volume::{Image, LabelImage, Limits};
use medcontext_tests::core_binary;
use tempfile::TempDir;

fn core(arguments: &[&str]) -> Output {
    let mut command = Command::new(core_binary());
    command.args(arguments).output().expect("core starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn succeed(arguments: &[&str]) -> String {
    let output = core(arguments);
    assert!(output.status.success(), "core {arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Fails with exit code 1 and exactly one sentence, which is returned.
fn refuse(arguments: &[&str]) -> String {
    let output = core(arguments);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "core {arguments:?}: {stderr}");
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(lines.len(), 1, "one sentence: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    stderr
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

fn phantom(folder: &Path) -> String {
    let out = path(folder, "phantom");
    succeed(&[
        "phantom",
        "--out",
        &out,
        "--cases",
        "3",
        "--unlabeled",
        "1",
        "--voxels",
        "20,28",
    ]);
    out
}

/// Writes the weights of the smallest network, trained once for all tests.
fn trained(folder: &Path) -> String {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    let bytes = BYTES.get_or_init(|| {
        let folder = TempDir::new().expect("a folder");
        let (data, run) = (phantom(folder.path()), path(folder.path(), "run"));
        succeed(&train(&data, &run));
        fs::read(folder.path().join("run/last.safetensors")).expect("weights")
    });
    let file = path(folder, "weights.safetensors");
    fs::write(&file, bytes).expect("written");
    file
}

/// Writes lists of two phantoms and of the third, and names them as options do.
fn lists(folder: &Path) -> [String; 2] {
    let file = path(folder, "splits.json");
    let lists = r#"{"a": ["phantom_001", "phantom_002"], "b": ["phantom_003"]}"#;
    fs::write(&file, lists).expect("written");
    [format!("{file}:a"), format!("{file}:b")]
}

/// Reads a synthetic case.
fn read(made: &PhantomCase) -> Case {
    let image = |bytes| Image::read(bytes, &Limits::default()).expect("an image");
    let label = LabelImage::from_image(image(&made.label)).expect("labels");
    Case::new(made.name.as_str(), image(&made.image), Some(label)).expect("a case")
}

/// The smallest useful run: two steps of a tiny network.
fn train<'a>(data: &'a str, out: &'a str) -> Vec<&'a str> {
    let fixed = [
        "--backbone",
        "unetr",
        "--size",
        "tiny",
        "--patch",
        "16,16,16",
        "--iterations",
        "2",
        "--batch-size",
        "1",
    ];
    [&["train", "--data", data, "--out", out], fixed.as_slice()].concat()
}

fn predict<'a>(weights: &'a str, input: &'a str, output: &'a str) -> Vec<&'a str> {
    vec!["predict", "--weights", weights, "--input", input, "--output", output]
}

/// Trains a tiny network, UNETR where no other is named, and gives every step's event.
fn steps(data: &str, out: &str, more: &[&str]) -> Vec<serde_json::Value> {
    let fixed = ["train", "--data", data, "--out", out, "--size", "tiny"];
    let named = more.contains(&"--backbone");
    let backbone: &[&str] = if named { &[] } else { &["--backbone", "unetr"] };
    succeed(&[&fixed, backbone, more].concat());
    let log = fs::read_to_string(Path::new(out).join("log.jsonl")).expect("a log");
    let events = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    events.filter(|event| event["event"] == "step").collect()
}

/// The loss of a step.
fn loss(step: &serde_json::Value) -> f64 {
    step["losses"]["total"].as_f64().expect("a loss")
}

#[test]
fn a_round_on_synthetic_scans() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let run = path(folder.path(), "run");
    let [list_a, list_b] = lists(folder.path());
    let mut arguments = train(&data, &run);
    arguments.extend(["--split", &list_a, "--val", &list_b, "--medcontext", "paper"]);
    succeed(&arguments);
    for name in [
        "config.toml",
        "log.jsonl",
        "progress.csv",
        "curves.svg",
        "last.safetensors",
        "best.safetensors",
        "summary.json",
    ] {
        assert!(folder.path().join("run").join(name).exists(), "{name}");
    }
    let log = fs::read_to_string(folder.path().join("run/log.jsonl")).expect("a log");
    let events: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let kinds: Vec<&str> = events.iter().map(|e| e["event"].as_str().expect("a name")).collect();
    let expected = [
        "started",
        "step",
        "step",
        "validated",
        "checkpoint",
        "checkpoint",
        "finished",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(events[0]["training_cases"], 2);

    let weights = path(folder.path(), "run/last.safetensors");
    let predicted = path(folder.path(), "predicted");
    let input = path(folder.path(), "phantom/imagesTr");
    let predict = predict(&weights, &input, &predicted);
    assert!(succeed(&predict).contains("mL"));
    assert!(
        refuse_all(&predict).contains("--force"),
        "nothing is overwritten unasked"
    );

    let truth = path(folder.path(), "phantom/labelsTr");
    let table = succeed(&["evaluate", "--prediction", &predicted, "--truth", &truth]);
    assert!(table.contains("liver") && table.contains("HD95"), "{table}");
    assert!(succeed(&["info", &weights]).contains("MedContext on"));
}

/// Fails for some files of several: each has its sentence, then comes the count.
fn refuse_all(arguments: &[&str]) -> String {
    let output = core(arguments);
    assert_eq!(output.status.code(), Some(1));
    text(&output.stderr)
}

#[test]
fn one_seed_gives_one_network() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let (first, second) = (path(folder.path(), "a"), path(folder.path(), "b"));
    succeed(&train(&data, &first));
    succeed(&train(&data, &second));
    let bytes = |run: &str| fs::read(Path::new(run).join("last.safetensors")).expect("weights");
    assert_eq!(bytes(&first), bytes(&second));
}

#[test]
fn a_run_goes_on_from_weights_of_the_same_network_only() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let (run, next) = (path(folder.path(), "run"), path(folder.path(), "next"));
    succeed(&train(&data, &run));
    let weights = path(folder.path(), "run/last.safetensors");
    succeed(&[train(&data, &next), vec!["--start", &weights]].concat());
    // Without a network of its own, it has that of the weights.
    let tuned = path(folder.path(), "tuned");
    succeed(&[
        "train",
        "--data",
        &data,
        "--out",
        &tuned,
        "--iterations",
        "1",
        "--start",
        &weights,
    ]);
    let settings = fs::read_to_string(format!("{tuned}/config.toml")).expect("settings");
    assert!(
        settings.contains("backbone = \"unetr\"") && settings.contains("patch = [16, 16, 16]"),
        "{settings}"
    );
    let other = path(folder.path(), "other");
    let larger = [
        "train", "--data", &data, "--out", &other, "--size", "small", "--start", &weights,
    ];
    assert!(refuse(&larger).contains("belong to unetr"), "another architecture");
    assert!(!Path::new(&other).exists(), "nothing is left behind");
}

#[test]
fn a_used_folder_is_not_overwritten() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let run = path(folder.path(), "run");
    fs::create_dir(&run).expect("made");
    fs::write(Path::new(&run).join("notes.txt"), "mine").expect("written");
    assert!(refuse(&train(&data, &run)).contains("--force"));
    succeed(&[train(&data, &run), vec!["--force"]].concat());
    assert_eq!(
        fs::read_to_string(Path::new(&run).join("notes.txt")).expect("kept"),
        "mine"
    );
}

/// A NIfTI-1 file of zeros with the given dims and datatype.
fn nifti(dims: [i16; 5], datatype: i16, bits: i16, voxels: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0u8; 352];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &348i32.to_le_bytes());
    for (i, dim) in dims.iter().enumerate() {
        put(40 + 2 * i, &dim.to_le_bytes());
    }
    put(70, &datatype.to_le_bytes());
    put(72, &bits.to_le_bytes());
    for i in 0..4 {
        put(76 + 4 * i, &1f32.to_le_bytes());
    }
    put(108, &352f32.to_le_bytes());
    put(344, b"n+1\0");
    bytes.extend_from_slice(voxels);
    bytes
}
