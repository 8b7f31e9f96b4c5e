//! The included experiments, on data sets as they are distributed: a dry run in full size, and two iterations of each.

mod runs;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use medcontext_core::dataset::PhantomConfig;
use medcontext_core::experiment::{CellResult, Experiment};
use medcontext_core::preset::{Preset, lay_out};
use medcontext_core::volume::gzip;
use tempfile::TempDir;

use crate::{core, path, refuse, succeed, text};

fn experiment_file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments");
    path(&folder, &format!("{name}.toml"))
}

fn experiment(name: &str) -> Experiment {
    let file = experiment_file(name);
    let text = fs::read_to_string(&file).expect("readable");
    Experiment::from_toml(&file, &text).expect("an experiment")
}

/// Files that only have names.
fn place(root: &Path, paths: impl IntoIterator<Item = String>) {
    for name in paths {
        let file = root.join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        fs::write(file, "").expect("written");
    }
}

/// BTCV's abdomens: 30 to train on, 20 without labels.
fn synapse(root: &Path) {
    let labeled = (1..=10).chain(21..=40).flat_map(|n| {
        [("img", "img"), ("label", "label")]
            .map(|(folder, name)| format!("RawData/Training/{folder}/{name}{n:04}.nii.gz"))
    });
    place(root, labeled);
    let unlabeled = (61..=80).map(|n| format!("RawData/Testing/img/img{n:04}.nii.gz"));
    place(root, unlabeled);
}

/// ACDC as it is distributed today, with the ground truth of its test set.
fn acdc(root: &Path) {
    for patient in 1..=150 {
        let set = if patient <= 100 { "training" } else { "testing" };
        let name = format!("patient{patient:03}");
        let frames = match patient {
            4 => [1, 15],
            13 => [1, 14],
            43 => [1, 7],
            _ => [1, 12],
        };
        let frames = frames
            .into_iter()
            .flat_map(|frame| ["", "_gt"].map(|ending| format!("{name}_frame{frame:02}{ending}.nii.gz")));
        let others = [format!("{name}_4d.nii.gz"), "Info.cfg".to_owned()];
        let files = frames.chain(others);
        place(root, files.map(|file| format!("{set}/{name}/{file}")));
    }
}

/// BraTS 2021: 1251 labeled cases whose numbers have gaps, and 219 without labels in the gaps.
fn brats21(root: &Path) {
    let contrasts = ["flair", "t1", "t1ce", "t2"];
    let case = |set: &str, number: usize, files: &[&str]| {
        let name = format!("BraTS2021_{number:05}");
        let file = |ending: &&str| format!("{set}/{name}/{name}_{ending}.nii.gz");
        place(root, files.iter().map(file));
    };
    let labeled = |number: &usize| number / 5 % 4 != 3;
    for number in (0..).filter(labeled).take(1251) {
        let files = [contrasts.as_slice(), &["seg"]].concat();
        case("TrainingData", number, &files);
    }
    for number in (0..).filter(|number| !labeled(number)).take(219) {
        case("ValidationData", number, &contrasts);
    }
}

/// The Decathlon's brain tumors: 484 labeled cases, 266 without labels.
fn brats17(root: &Path) {
    let names =
        |numbers: std::ops::RangeInclusive<usize>| numbers.map(|n| format!("BRATS_{n:03}")).collect::<Vec<String>>();
    let (training, test) = (names(1..=484), names(485..=750));
    for (folder, names) in [("imagesTr", &training), ("labelsTr", &training), ("imagesTs", &test)] {
        place(root, names.iter().map(|name| format!("{folder}/{name}.nii.gz")));
        // Of macOS, as in the archive.
        place(root, names.iter().map(|name| format!("{folder}/._{name}.nii.gz")));
    }
    let json = medcontext_core::dataset::phantom_dataset_json(&training, &test);
    fs::write(root.join("dataset.json"), json).expect("written");
}

fn hippocampus(root: &Path) {
    let names = hippocampus_names();
    for folder in ["imagesTr", "labelsTr"] {
        place(root, names.iter().map(|name| format!("{folder}/{name}.nii.gz")));
    }
}

/// The cases of the lists that the experiments define.
fn hippocampus_names() -> BTreeSet<String> {
    let lists = experiment("hippocampus-pretraining").lists;
    lists.into_values().flatten().collect()
}

/// For each experiment: its cells, its training list with cases, and the cases of its evaluation list.
type Size = (&'static str, usize, (&'static str, usize), (&'static str, usize));

/// Every file on the whole of its data set.
fn dry_runs(lay: fn(&Path), expected: &[Size], published: bool) {
    let folder = TempDir::new().expect("a folder");
    lay(folder.path());
    let data = folder.path().display().to_string();
    let before = listing(folder.path());
    for (name, cells, (train, trained), (evaluate, measured)) in expected {
        let output = core(&["experiment", "--dry-run", &experiment_file(name), "--data", &data]);
        let (said, warned) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{name}: {warned}");
        // The series over time beside ACDC's frames are named, and nothing else.
        assert!(!warned.contains("published"), "{name}: {warned}");
        let lines: Vec<&str> = said.lines().collect();
        // Notes that lie beside the scans are named before.
        let title = lines.iter().find(|line| !line.contains(": not a volume"));
        assert!(
            title.is_some_and(|title| title.ends_with(&format!(": {cells} cells"))),
            "{name}: {said}"
        );
        let folders = lines.iter().filter(|line| line.contains("/seed-"));
        assert_eq!(folders.count(), *cells, "{name}");
        for (list, purpose, count) in [(train, "to train on", trained), (evaluate, "to measure on", measured)] {
            let published = match published {
                true => format!(", {count} published"),
                false => String::new(),
            };
            let line = format!("{list}, {purpose}: {count} cases{published}");
            let place = lines.iter().position(|found| *found == line);
            let place = place.unwrap_or_else(|| panic!("{name}: {line} in {said}"));
            let cases = lines[place + 1..].iter().take_while(|line| line.starts_with("  "));
            let cases: Vec<&str> = cases.flat_map(|line| line.trim().split(", ")).collect();
            let cases: BTreeSet<&str> = cases.iter().map(|case| case.trim_end_matches(',')).collect();
            assert_eq!(cases.len(), *count, "{name} {list}");
        }
    }
    assert_eq!(listing(folder.path()), before, "nothing is written");
}

fn listing(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(listing(&path));
        }
        found.insert(path);
    }
    found
}

#[test]
fn synapse_in_full_size() {
    let (train, five, test) = (("train", 18), ("five-shot", 5), ("test", 12));
    let expected: [Size; 9] = [
        ("table1-synapse", 6, train, test),
        ("table4-synapse", 18, five, test),
        ("table5-synapse", 5, train, test),
        ("table6-synapse", 3, train, test),
        ("released-synapse", 4, train, test),
        ("table7-synapse", 10, train, test),
        ("table8-synapse", 6, train, test),
        ("figure4-teacher", 9, train, test),
        ("figure4-weights", 4, train, test),
    ];
    dry_runs(synapse, &expected, true);
}

#[test]
fn acdc_in_full_size() {
    let (eighty, five, test) = (("train-80", 160), ("five-shot", 5), ("test", 40));
    let expected: [Size; 4] = [
        ("table2-acdc", 6, eighty, test),
        ("table4-acdc", 18, five, test),
        ("table6-acdc", 3, eighty, test),
        ("released-acdc", 2, ("train", 140), ("val", 20)),
    ];
    dry_runs(acdc, &expected, true);
}

#[test]
fn brain_tumors_in_full_size() {
    let expected: [Size; 2] = [
        ("table3-brats17", 2, ("train", 387), ("val", 73)),
        ("released-brats17", 2, ("train", 387), ("val", 73)),
    ];
    dry_runs(brats17, &expected, true);
    let expected: [Size; 2] = [
        ("table3-brats21", 4, ("train", 1000), ("val", 251)),
        ("table6-brats21", 3, ("train", 1000), ("val", 251)),
    ];
    dry_runs(brats21, &expected, true);
}

#[test]
fn hippocampus_in_full_size() {
    let expected: [Size; 3] = [
        ("hippocampus-pretraining", 15, ("fewshot5", 5), ("val", 20)),
        ("hippocampus-fewshot", 24, ("fewshot5", 5), ("val", 20)),
        ("hippocampus-ablation", 33, ("fewshot5", 5), ("val", 20)),
    ];
    dry_runs(hippocampus, &expected, false);
}

/// An experiment of a preset.
const TUMORS: &str = r#"
title = "Tumors"
preset = "brats17"
train = ["train"]
evaluate = "lists.json:one"
[[row]]
name = "UNETR"
"#;

/// The lists of an experiment of a preset, some of whose cases are absent, unlabeled or there twice.
#[test]
fn lists_are_of_labeled_cases_and_say_what_is_absent() {
    let folder = TempDir::new().expect("a folder");
    let data = phantoms(folder.path(), "brats17");
    let file = path(folder.path(), "experiment.toml");
    fs::write(&file, TUMORS).expect("written");
    let list = |case: &str| {
        let json = format!(r#"{{"one": ["{case}"]}}"#);
        fs::write(Path::new(&data).join("lists.json"), json).expect("written");
    };
    let arguments = ["experiment", "--dry-run", &file, "--data", &data];
    list("BRATS_011");
    let output = core(&arguments);
    let (said, warned) = (crate::text(&output.stdout), crate::text(&output.stderr));
    assert!(output.status.success(), "{warned}");
    // BRATS_485 and BRATS_486 lie in imagesTs.
    let expected = "train, to train on: 3 cases, 387 published\n  BRATS_001, BRATS_002, BRATS_003\n";
    assert!(said.contains(expected), "{said}");
    let expected = "brats17 train: 3 of 387 published cases are here; absent: BRATS_004, BRATS_005, BRATS_006, \
        BRATS_007, BRATS_008 and 379 more\n";
    assert_eq!(warned, expected);

    // An image of the same name to be segmented: the labeled one is meant.
    let images = Path::new(&data);
    for name in ["BRATS_011.nii.gz", "BRATS_002.nii.gz"] {
        let [labeled, other] = ["imagesTr", "imagesTs"].map(|folder| images.join(folder).join(name));
        fs::copy(labeled, other).expect("copied");
    }
    let said = succeed(&arguments);
    assert!(said.contains("train, to train on: 3 cases, 387 published"), "{said}");

    for absent in ["BRATS_485", "BRATS_010"] {
        list(absent);
        let sentence = fail(&arguments);
        assert!(
            sentence.contains(&format!("no image with labels of the case {absent}")),
            "{sentence}"
        );
    }
    list("BRATS_011");
    fs::remove_dir_all(images.join("labelsTr")).expect("removed");
    let sentence = fail(&arguments);
    assert!(
        sentence.contains("of brats17's list train are here without their label maps"),
        "{sentence}"
    );
    let sentence = refuse(&[
        "experiment",
        "--dry-run",
        &path(folder.path(), "no.toml"),
        "--data",
        &data,
    ]);
    assert!(sentence.contains("no.toml cannot be read"), "{sentence}");
}

/// Fails with exit code 1 and one sentence, which is returned, after what was said about files.
fn fail(arguments: &[&str]) -> String {
    let output = core(arguments);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(
        (errors.len(), errors.last()),
        (1, said.lines().last().as_ref()),
        "{said}"
    );
    errors[0].to_owned()
}

/// The results in the repository still match its experiments.
#[test]
fn results_that_come_along_are_of_their_experiments() {
    let folder = TempDir::new().expect("a folder");
    hippocampus(folder.path());
    let data = folder.path().display().to_string();
    let expected = [
        ("hippocampus-fewshot", 24),
        ("hippocampus-ablation", 33),
        ("hippocampus-pretraining", 15),
    ];
    for (name, cells) in expected {
        let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments/results");
        let out = folder.path().join(name);
        copy(&results.join(name), &out);
        let out = out.display().to_string();
        let file = experiment_file(name);
        let fixed = ["experiment", &file, "--data", &data, "--out", &out, "--table"];
        let said = succeed(&fixed);
        assert!(said.contains(&format!("{cells} cells, {cells} of them done")), "{said}");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy(&path, &target),
            false => {
                fs::copy(&path, &target).expect("copied");
            }
        }
    }
}

/// The rows of the paper's tables are measured like the test script of their network and data set.
#[test]
fn rows_are_measured_as_their_test_scripts_do() {
    let mut seen = BTreeMap::new();
    for name in [
        "table1-synapse",
        "table2-acdc",
        "table3-brats17",
        "table3-brats21",
        "table4-acdc",
        "table4-synapse",
        "table5-synapse",
        "table6-acdc",
        "table6-brats21",
        "table6-synapse",
        "table7-synapse",
        "table8-synapse",
        "figure4-teacher",
        "figure4-weights",
        "released-synapse",
        "released-acdc",
        "released-brats17",
    ] {
        let experiment = experiment(name);
        for row in &experiment.rows {
            let backbone = row.settings["backbone"].as_str().expect("a name");
            let protocol = row.protocol(experiment.protocol);
            let expected = match (experiment.preset.expect("a preset"), backbone) {
                (Preset::Brats21, _) => ("max", "monai"),
                (_, "nnformer") => ("pooled", "one"),
                _ => ("pooled", "zero"),
            };
            let found = (protocol.hd95.name(), protocol.empty.name());
            assert_eq!(found, expected, "{name} {}", row.name);
            *seen.entry(expected).or_insert(0) += 1;
        }
    }
    assert_eq!(seen.values().sum::<usize>(), 81);
    // Figure 4's networks without a teacher learn from the ground truth alone.
    for row in &experiment("figure4-teacher").rows {
        let medcontext = row.settings.get("medcontext").map(ToString::to_string);
        let expected = match row.name.split_once(", ").expect("two parts").1 {
            "teacher" => None,
            "no teacher" => Some(r#"{ consistency = "off" }"#.to_owned()),
            _ => Some(r#"{ teacher = "none" }"#.to_owned()),
        };
        assert_eq!(medcontext, expected, "{}", row.name);
    }
}

/// Phantoms in a preset's layout, with what lies beside.
fn phantoms(folder: &Path, layout: &str) -> String {
    let data = path(folder, "data");
    let fixed = ["--cases", "4", "--unlabeled", "2", "--voxels", "18,22", "--quiet"];
    succeed(&[["phantom", "--out", &data, "--layout", layout].as_slice(), &fixed].concat());
    data
}
