//! The `core` binary as its user meets it: a whole round on synthetic scans, and one plain sentence
//! for everything that cannot work.

mod cache;
mod cases_list;
mod checkpoints;
mod devices;
mod earlier;
mod evaluate;
mod experiment;
mod folders;
mod foreign;
mod names;
mod output;
mod precision;
mod presets;
mod published;
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

/// Writes weights of the smallest network, which is trained once for all tests.
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

/// A synthetic case as it is read.
fn read(made: &PhantomCase) -> Case {
    let image = |bytes| Image::read(bytes, &Limits::default()).expect("an image");
    let label = LabelImage::from_image(image(&made.label)).expect("labels");
    Case::new(made.name.as_str(), image(&made.image), Some(label)).expect("a case")
}

/// The smallest useful run: two steps of a tiny network.
fn train<'a>(data: &'a str, out: &'a str) -> Vec<&'a str> {
    let fixed = [
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

/// Trains a tiny network and gives every step's event.
fn steps(data: &str, out: &str, more: &[&str]) -> Vec<serde_json::Value> {
    let fixed = ["train", "--data", data, "--out", out, "--size", "tiny"];
    succeed(&[fixed.as_slice(), more].concat());
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

#[test]
fn files_that_cannot_be_used_get_one_sentence() {
    let folder = TempDir::new().expect("a folder");
    let write = |name: &str, bytes: &[u8]| -> String {
        fs::write(folder.path().join(name), bytes).expect("written");
        path(folder.path(), name)
    };
    let mut nifti2 = nifti([3, 4, 4, 4, 1], 2, 8, &[0; 64]);
    nifti2[..4].copy_from_slice(&540i32.to_le_bytes());
    let gz = medcontext_core::volume::gzip(&nifti([3, 8, 8, 8, 1], 4, 16, &[7; 1024]));
    for (file, part) in [
        (
            write(
                "text.nii",
                b"not a volume, but long enough to hold a header".repeat(9).as_slice(),
            ),
            "not a NIfTI",
        ),
        (write("cut.nii.gz", &gz[..gz.len() / 2]), "cut.nii.gz"),
        (
            write("dims.nii", &nifti([3, -4, 4, 4, 1], 2, 8, &[0; 64])),
            "header is damaged",
        ),
        (write("two.nii", &nifti2), "NIfTI-2"),
        (write("flat.nii", &nifti([2, 8, 8, 1, 1], 2, 8, &[0; 64])), "2D"),
        (write("time.nii", &nifti([4, 4, 4, 4, 3], 2, 8, &[0; 192])), "4D"),
        (
            write("short.nii", &nifti([3, 8, 8, 8, 1], 2, 8, &[0; 64])),
            "ends before",
        ),
        (
            write("large.nii", &nifti([3, 30000, 30000, 2000, 1], 2, 8, &[])),
            "memory",
        ),
        (write("not.safetensors", b"nothing"), "safetensors"),
        (path(folder.path(), "missing.nii"), "cannot be read"),
    ] {
        let sentence = refuse(&["info", &file]);
        assert!(sentence.contains(part), "{file}: {sentence}");
    }
}

#[test]
fn cases_that_cannot_be_used_get_one_sentence() {
    let folder = TempDir::new().expect("a folder");
    let out = path(folder.path(), "run");
    let image = nifti([3, 16, 16, 16, 1], 4, 16, &[1; 8192]);
    let floats = |v: f32| (0..4096).flat_map(|_| v.to_le_bytes()).collect::<Vec<u8>>();
    let half = nifti([3, 16, 16, 16, 1], 16, 32, &floats(0.5));
    let empty = nifti([3, 16, 16, 16, 1], 2, 8, &[0; 4096]);
    let other = nifti([3, 16, 16, 8, 1], 2, 8, &[1; 2048]);
    for (name, label, part) in [
        ("none", None, "no case has a label"),
        ("float", Some(&half), "not a whole number"),
        ("shape", Some(&other), "does not lie on the image"),
    ] {
        let data = folder.path().join(name);
        fs::create_dir(&data).expect("made");
        fs::write(data.join("case.nii"), &image).expect("written");
        if let Some(label) = label {
            fs::write(data.join("case_seg.nii"), label).expect("written");
        }
        let data = data.display().to_string();
        let sentence = refuse(&train(&data, &out));
        assert!(sentence.contains(part), "{name}: {sentence}");
        assert!(!Path::new(&out).exists(), "nothing is left behind");
    }
    // That it is read as a case without structures is said before.
    let data = folder.path().join("background");
    fs::create_dir(&data).expect("made");
    fs::write(data.join("case.nii"), &image).expect("written");
    fs::write(data.join("case_seg.nii"), &empty).expect("written");
    let output = core(&train(&data.display().to_string(), &out));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("error: every label map holds only background (0)"),
        "{said}"
    );
}

#[test]
fn voxels_that_are_not_numbers_are_counted_and_read_as_zero() {
    let folder = TempDir::new().expect("a folder");
    let mut values: Vec<f32> = (0..4096).map(|v| v as f32).collect();
    values[5] = f32::NAN;
    values[9] = f32::INFINITY;
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let file = folder.path().join("nan.nii");
    fs::write(&file, nifti([3, 16, 16, 16, 1], 16, 32, &bytes)).expect("written");
    let told = succeed(&["info", &file.display().to_string()]);
    assert!(told.contains("2 voxels are NaN or infinite"), "{told}");
    assert!(told.contains("values 0 to 4095"), "{told}");
}

#[test]
fn a_device_that_is_not_there_gets_one_sentence() {
    let told = succeed(&["info"]);
    assert!(told.contains("cpu      CPU, "), "{told}");
    let line = told.lines().find(|line| line.starts_with("cuda:0"));
    let line = line.expect("a line for CUDA");
    let Some((_, why)) = line.split_once("not available: ") else {
        medcontext_tests::announce("skipped: this machine has an NVIDIA GPU");
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let out = path(folder.path(), "run");
    let sentence = refuse(&[train(&data, &out), vec!["--device", "cuda"]].concat());
    assert_eq!(
        sentence.trim_end(),
        format!("error: the device cuda:0 cannot be used: {why}")
    );
    assert!(why.contains("or use the cpu"), "{why}");
    assert!(!Path::new(&out).exists(), "nothing is left behind");
}

#[test]
fn a_folder_that_cannot_be_written_gets_one_sentence() {
    // The system's own always-full device stands for a full disk.
    let full = PathBuf::from("/dev/full");
    if !full.exists() {
        medcontext_tests::announce("skipped: this system has no /dev/full");
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let run = folder.path().join("run");
    fs::create_dir(&run).expect("made");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&full, run.join("log.jsonl")).expect("linked");
    let run = run.display().to_string();
    let sentence = refuse(&[train(&data, &run), vec!["--force", "--quiet"]].concat());
    assert!(
        sentence.contains("No space left") && sentence.contains("free some space"),
        "{sentence}"
    );
}
