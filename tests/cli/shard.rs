//! Several processes that share work, as a cluster starts them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use medcontext_tests::core_binary;
use tempfile::TempDir;

use crate::{path, predict, succeed, text, train};

/// Names and contents of a folder's files.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    paths
        .map(|path| (name(&path), fs::read(&path).expect("readable")))
        .collect()
}

/// Starts `core` with the given variables.
fn start(arguments: &[&str], variables: &[(&str, String)]) -> Child {
    let mut command = Command::new(core_binary());
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::piped());
    command.envs(variables.iter().cloned());
    command.spawn().expect("core starts")
}

fn finish(children: Vec<Child>) {
    for child in children {
        let output = child.wait_with_output().expect("core ends");
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
}

#[test]
fn four_processes_predict_what_one_does() {
    let folder = TempDir::new().expect("a folder");
    let data = path(folder.path(), "phantom");
    let phantoms = [
        "phantom",
        "--out",
        &data,
        "--cases",
        "3",
        "--unlabeled",
        "7",
        "--voxels",
        "20,28",
    ];
    succeed(&phantoms);
    let run = path(folder.path(), "run");
    succeed(&train(&data, &run));
    let (weights, input) = (path(folder.path(), "run/last.safetensors"), data + "/imagesTs");
    let start = |output: &str, more: &[&str], variables: &[(&str, String)]| {
        let output = path(folder.path(), output);
        let arguments = predict(&weights, &input, &output);
        start(&[&arguments, more].concat(), variables)
    };
    finish(vec![start("one", &[], &[])]);
    let one = files(&folder.path().join("one"));
    assert_eq!(one.len(), 7);

    // By option, all into one folder at the same time.
    let by_option = (0..4).map(|part| start("option", &["--shard", &format!("{part}/4")], &[]));
    finish(by_option.collect());
    assert_eq!(files(&folder.path().join("option")), one);

    // By Slurm's variables, and by the index that Kubernetes gives.
    let slurm = |part: usize| {
        [
            ("SLURM_ARRAY_TASK_ID", format!("{}", part + 1)),
            ("SLURM_ARRAY_TASK_MIN", "1".to_owned()),
            ("SLURM_ARRAY_TASK_COUNT", "4".to_owned()),
        ]
    };
    finish((0..4).map(|part| start("slurm", &[], &slurm(part))).collect());
    assert_eq!(files(&folder.path().join("slurm")), one);
    let indexed = |part: usize| [("JOB_COMPLETION_INDEX", part.to_string())];
    let by_index = (0..4).map(|part| start("kubernetes", &["--shard", "4"], &indexed(part)));
    finish(by_index.collect());
    assert_eq!(files(&folder.path().join("kubernetes")), one);
}

#[test]
fn mirroring_and_components_are_options() {
    let folder = TempDir::new().expect("a folder");
    let data = crate::phantom(folder.path());
    let run = path(folder.path(), "run");
    // Organs of phantoms have their places, so that a plan mirrors along no axis.
    let settings = path(folder.path(), "mirrored.toml");
    fs::write(&settings, "[augmentation]\nmirror_axes = [true, true, true]\n").expect("a file");
    succeed(&[&train(&data, &run)[..], &["--config", &settings]].concat());
    let (weights, input) = (path(folder.path(), "run/last.safetensors"), data + "/imagesTs");
    let files_of = |output: &str, more: &[&str]| {
        let output = path(folder.path(), output);
        succeed(&[&predict(&weights, &input, &output), more].concat());
        files(Path::new(&output))
    };
    let plain = files_of("plain", &["--logits"]);
    let mirrored = files_of("mirrored", &["--logits", "--mirror"]);
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&plain), names(&mirrored));
    let logits = names(&plain)
        .into_iter()
        .find(|name| name.contains("logits"))
        .expect("logits");
    assert!(plain[&logits] != mirrored[&logits], "another mean");
    let earlier = files_of("earlier", &["--logits", "--flips"]);
    assert!(mirrored == earlier, "the option's earlier name");
    let largest = files_of("largest", &["--logits", "--largest-component"]);
    assert!(plain[&logits] == largest[&logits], "labels alone change");
}
