//! Output: never overwrites inputs, is atomic, and does not exist if nothing was done.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use medcontext_tests::core_binary;
use tempfile::TempDir;

use crate::names::{files, put};
use crate::{path, phantom, predict, refuse, succeed, text, train, trained};

/// As in `core … | head`.
#[test]
fn a_command_goes_on_where_nobody_reads_what_it_says() {
    let folder = TempDir::new().expect("a folder");
    let out = path(folder.path(), "phantoms");
    let mut child = Command::new(core_binary())
        .args(["phantom", "--out", &out, "--cases", "2"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("core starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("core ends");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert!(Path::new(&out).join("dataset.json").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_in_a_sentence() {
    let folder = TempDir::new().expect("a folder");
    let full = fs::File::options().write(true).open("/dev/full").expect("a device");
    let output = Command::new(core_binary())
        .args(["phantom", "--out", &path(folder.path(), "phantoms"), "--cases", "2"])
        .stdout(full)
        .output()
        .expect("core ends");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("the output cannot be written") && said.lines().count() == 1,
        "{said}"
    );
}

#[test]
fn a_scan_is_never_replaced_by_its_segmentation() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    put(&data.join("c1.nii.gz"), 16, false);
    put(&data.join("more/c2.nii.gz"), 16, false);
    let weights = trained(folder.path());
    let scan = fs::read(data.join("c1.nii.gz")).expect("a scan");
    let untouched = || {
        assert_eq!(fs::read(data.join("c1.nii.gz")).expect("there"), scan);
        assert_eq!(files(&data), ["c1.nii.gz", "more"]);
    };
    let [data, one, more] = ["data", "data/c1.nii.gz", "data/more"].map(|name| path(folder.path(), name));
    let spelt = format!("{data}/more/../../data");
    for (input, output) in [(&data, &data), (&one, &data), (&data, &spelt), (&spelt, &data)] {
        for force in [&[][..], &["--force"]] {
            let sentence = refuse(&[&predict(&weights, input, output), force].concat());
            assert!(sentence.contains("is read"), "{sentence}");
            untouched();
        }
    }

    // A file of the same name elsewhere that is a scan as well.
    let copy = path(folder.path(), "copy");
    fs::create_dir(&copy).expect("made");
    fs::write(format!("{copy}/c1.nii.gz"), &scan).expect("written");
    let forced = [predict(&weights, &one, &copy), vec!["--force"]].concat();
    let sentence = refuse(&forced);
    assert!(sentence.contains("is not a segmentation"), "{sentence}");
    assert_eq!(fs::read(format!("{copy}/c1.nii.gz")).expect("there"), scan);

    // Conversely, results in the input's folder are not inputs of the next run, and can be overwritten.
    succeed(&predict(&weights, &data, &more.replace("more", "out")));
    let out = format!("{data}/out");
    assert_eq!(files(Path::new(&out)), ["c1.nii.gz", "c2.nii.gz"]);
    succeed(&[predict(&weights, &data, &out), vec!["--force"]].concat());
    assert_eq!(files(Path::new(&out)), ["c1.nii.gz", "c2.nii.gz"]);
}

#[cfg(unix)]
#[test]
fn links_do_not_hide_that_a_scan_would_be_replaced() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    put(&data.join("c1.nii.gz"), 16, false);
    let scan = fs::read(data.join("c1.nii.gz")).expect("a scan");
    let weights = trained(folder.path());
    for name in ["folder", "soft", "hard"] {
        let out = folder.path().join(name);
        if name == "folder" {
            std::os::unix::fs::symlink(&data, &out).expect("linked");
        } else {
            fs::create_dir(&out).expect("made");
            let (from, to) = (data.join("c1.nii.gz"), out.join("c1.nii.gz"));
            match name {
                "soft" => std::os::unix::fs::symlink(from, to).expect("linked"),
                _ => fs::hard_link(from, to).expect("linked"),
            }
        }
        let (input, output) = (path(folder.path(), "data"), path(folder.path(), name));
        let forced = [predict(&weights, &input, &output), vec!["--force"]].concat();
        let sentence = refuse(&forced);
        assert!(sentence.contains("is read"), "{name}: {sentence}");
        assert_eq!(fs::read(data.join("c1.nii.gz")).expect("there"), scan);
    }
}

#[test]
fn no_command_replaces_what_it_reads() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let weights = trained(folder.path());
    let bytes = fs::read(&weights).expect("weights");

    let sentence = refuse(&["convert", &weights, &weights, "--force"]);
    assert!(sentence.contains("is read"), "{sentence}");

    let run = path(folder.path(), "run");
    fs::create_dir(&run).expect("made");
    let last = format!("{run}/last.safetensors");
    fs::copy(&weights, &last).expect("copied");
    let again = [train(&data, &run), vec!["--start", &last, "--force"]].concat();
    let sentence = refuse(&again);
    assert!(sentence.contains("last.safetensors is read"), "{sentence}");
    assert_eq!(files(Path::new(&run)), ["last.safetensors"]);
    assert_eq!(fs::read(&last).expect("there"), bytes);

    let settings = format!("{run}/config.toml");
    fs::write(&settings, "seed = 3 # mine\n").expect("written");
    let again = [train(&data, &run), vec!["--config", &settings, "--force"]].concat();
    assert!(refuse(&again).contains("config.toml is read"));
    assert_eq!(files(Path::new(&run)), ["config.toml", "last.safetensors"]);

    // A public data set has the names of its phantoms.
    let scan = format!("{data}/labelsTr/phantom_001.nii.gz");
    let bytes = fs::read(&scan).expect("a phantom");
    let phantoms = ["phantom", "--out", &data, "--voxels", "20,28", "--force"];
    let other = [&phantoms[..], &["--seed", "1"]].concat();
    assert!(refuse(&other).contains("never replaced"));
    assert_eq!(fs::read(&scan).expect("there"), bytes);

    // An experiment's list is read too.
    let experiment = path(folder.path(), "table.md");
    fs::write(&experiment, crate::experiment::EXPERIMENT).expect("written");
    let lists = r#"{"one": ["phantom_003"]}"#;
    fs::write(format!("{data}/splits.json"), lists).expect("written");
    let here = folder.path().display().to_string();
    let sentence = refuse(&["experiment", &experiment, "--data", &data, "--out", &here]);
    assert!(sentence.contains("table.md is read"), "{sentence}");
}

#[test]
fn measuring_replaces_nothing_that_it_reads() {
    let folder = TempDir::new().expect("a folder");
    let truth = format!("{}/labelsTr", phantom(folder.path()));
    let evaluate = ["evaluate", "--prediction", &truth, "--truth", &truth];
    let report = path(folder.path(), "e.json");
    succeed(&[&evaluate[..], &["--json", &report]].concat());
    let scan = format!("{truth}/phantom_001.nii.gz");
    let html = path(folder.path(), "e.html");
    for (more, part) in [
        (vec!["--json", &scan], "phantom_001.nii.gz is read"),
        (
            vec!["--json", &report, "--before", &report, "--html", &html],
            "e.json is read",
        ),
        (vec!["--csv", &html, "--html", &html], "two results"),
    ] {
        let sentence = refuse(&[&evaluate[..], &more].concat());
        assert!(sentence.contains(part), "{part}: {sentence}");
    }
    let merged = ["evaluate", "--merge", &report, "--json", &report];
    assert!(refuse(&merged).contains("e.json is read"));
    assert!(!Path::new(&html).exists(), "nothing is left behind");
}

#[test]
fn nothing_is_left_of_what_was_refused() {
    let folder = TempDir::new().expect("a folder");
    let bad = path(folder.path(), "bad.nii");
    fs::write(&bad, "no volume").expect("written");
    let [out, empty] = ["a/b/out", "empty"].map(|name| path(folder.path(), name));
    fs::create_dir(&empty).expect("made");
    let weights = trained(folder.path());
    for arguments in [
        predict(&weights, &bad, &out),
        predict(&bad, &bad, &out),
        predict(&weights, &empty, &out),
        vec!["surface", "--labels", &bad, "--out", &out],
        vec!["surface", "--labels", &empty, "--out", &out],
        vec!["phantom", "--out", &out, "--voxels", "20"],
        train(&empty, &out),
    ] {
        refuse(&arguments);
        assert!(!folder.path().join("a").exists(), "{arguments:?}");
    }
}

/// Runs `core` with a file size limit of `blocks` × 512 bytes, as on a full disk.
#[cfg(unix)]
fn on_a_full_disk(blocks: usize, arguments: &[&str]) -> Output {
    // The signal for exceeding the limit is ignored, so that the write fails as on a full disk.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh"]).arg(core_binary());
    command.args(arguments).output().expect("sh starts")
}

#[cfg(unix)]
#[test]
fn on_a_full_disk_results_are_whole_or_not_there() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let weights = trained(folder.path());
    let out = folder.path().join("out");
    fs::create_dir(&out).expect("made");
    fs::write(out.join("keep"), "mine").expect("written");
    let one = format!("{data}/imagesTr/phantom_001.nii.gz");
    let results = out.display().to_string();
    let arguments = [predict(&weights, &one, &results), vec!["--logits"]].concat();
    let output = on_a_full_disk(16, &arguments);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("cannot be written"), "{said}");
    assert_eq!(files(&out), ["keep", "phantom_001.nii.gz"]);

    // The previous files stay.
    let run = path(folder.path(), "run");
    succeed(&train(&data, &run));
    let last = format!("{run}/last.safetensors");
    let (before, names) = (fs::read(&last).expect("weights"), files(Path::new(&run)));
    let mut longer = train(&data, &run);
    longer.extend(["--resume", "--force"]);
    let at = longer.iter().position(|word| *word == "2").expect("two steps");
    longer[at] = "4";
    let output = on_a_full_disk(128, &longer);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot be written"), "{said}");
    assert_eq!(fs::read(&last).expect("weights"), before);
    assert_eq!(files(Path::new(&run)), names);
    succeed(&longer);
}

#[cfg(target_os = "linux")]
#[test]
fn folders_that_cannot_be_written_get_one_sentence() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let weights = trained(folder.path());
    let (out, truth) = (path(folder.path(), "out"), format!("{data}/labelsTr"));
    let cache = ["--cache", "/proc/cache"];
    for arguments in [
        train(&data, "/proc/run"),
        [&train(&data, &out)[..], &cache].concat(),
        predict(&weights, &data, "/proc/out"),
        vec!["surface", "--labels", &truth, "--out", "/proc/out"],
        vec!["phantom", "--out", "/proc/out"],
        vec!["convert", &weights, "/proc/out.safetensors"],
    ] {
        let output = crate::core(&arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        let told = said
            .lines()
            .all(|line| line.contains("/proc/") && line.contains("cannot be written") || line.contains(" of "));
        assert!(told && !said.contains("panicked"), "{said}");
    }
    let csv = [
        "evaluate",
        "--prediction",
        &truth,
        "--truth",
        &truth,
        "--csv",
        "/proc/nowhere/e.csv",
    ];
    assert!(refuse(&csv).contains("/proc/nowhere/e.csv cannot be written"));
}

#[test]
fn numbers_have_a_point_whatever_the_country() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let (run, csv) = (path(folder.path(), "run"), path(folder.path(), "e.csv"));
    let truth = format!("{data}/labelsTr");
    let evaluate = ["evaluate", "--prediction", &truth, "--truth", &truth, "--csv", &csv];
    for arguments in [train(&data, &run), evaluate.to_vec()] {
        let mut command = Command::new(core_binary());
        for name in ["LC_ALL", "LC_NUMERIC", "LANG"] {
            command.env(name, "de_DE.UTF-8");
        }
        let output = command.args(&arguments).output().expect("core starts");
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    for file in [csv, format!("{run}/progress.csv")] {
        let table = fs::read_to_string(&file).expect("a table");
        let columns = table.lines().next().expect("a head").split(',').count();
        let mut fractions = 0;
        for line in table.lines() {
            let fields: Vec<&str> = line.split(',').collect();
            assert_eq!(fields.len(), columns, "{line}");
            let numbers = fields.iter().filter(|field| field.contains('.'));
            fractions += numbers.filter(|field| field.parse::<f64>().is_ok()).count();
        }
        assert!(fractions > 3, "{file}: {table}");
    }
}
