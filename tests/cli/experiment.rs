//! `core experiment` on synthetic scans: cells, resuming, parts, the table.

mod cells;
mod figures;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use burn::tensor::Device;
use futures::executor::block_on;
use medcontext_core::Error;
use medcontext_core::dataset::{Case, PhantomCase, PhantomConfig};
use medcontext_core::experiment::{Cell, CellResult, Event, Experiment, Runner, Source};
use medcontext_core::metric::Evaluation;
use medcontext_core::preset::Preset;
use medcontext_core::train;
use tempfile::TempDir;

use crate::{path, phantom, read, refuse, succeed};

/// Two rows and two seeds of a tiny network, with two training cases and one evaluation case.
pub const EXPERIMENT: &str = r#"
title = "Two rows"
train = ["two"]
evaluate = "splits.json:one"
seeds = [0, 1]

[lists]
two = ["phantom_001", "phantom_002"]

[base]
size = "tiny"
patch = [16, 16, 16]
iterations = 2
batch_size = 1

[[row]]
name = "UNETR"
medcontext.enabled = false
equal_time = 1.5

[[row]]
name = "UNETR + MedContext"
against = "UNETR"
"#;

/// Arguments of `core experiment` on phantoms, with the experiment written as `text`.
pub fn prepare(folder: &Path, text: &str) -> [String; 6] {
    let data = phantom(folder);
    fs::write(folder.join("phantom/splits.json"), r#"{"one": ["phantom_003"]}"#).expect("written");
    let file = path(folder, "experiment.toml");
    fs::write(&file, text).expect("written");
    let [data_option, out_option] = ["--data", "--out"].map(str::to_owned);
    let out = path(folder, "out");
    ["experiment".to_owned(), file, data_option, data, out_option, out]
}

pub fn with<'a>(arguments: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    let given = arguments.iter().map(String::as_str);
    given.chain(more.iter().copied()).collect()
}

/// What a table of comma-separated values says in a line and a column.
fn field(table: &str, line: usize, column: &str) -> String {
    let head: Vec<&str> = table.lines().next().expect("a head").split(',').collect();
    let index = head.iter().position(|name| *name == column);
    let line = table.lines().nth(line).expect("a line");
    let field = line.split(',').nth(index.expect("a column"));
    field.expect("a field").to_owned()
}

#[test]
fn cells_are_trained_measured_and_compared() {
    let folder = TempDir::new().expect("a folder");
    let arguments = prepare(folder.path(), EXPERIMENT);
    let told = succeed(&with(&arguments, &[]));
    assert!(told.contains("4 cells, 0 of them done"), "{told}");
    let out = folder.path().join("out");
    let cell = out.join("unetr-medcontext/two/seed-1");
    for name in [
        "config.toml",
        "log.jsonl",
        "progress.csv",
        "curves.svg",
        "last.safetensors",
        "result.json",
        "predicted/phantom_003.nii.gz",
    ] {
        assert!(cell.join(name).exists(), "{name}");
    }
    let read = |name: &str| fs::read_to_string(out.join(name)).expect("written");
    let table = read("table.csv");
    let value = |line: usize, column: &str| field(&table, line, column);
    assert_eq!(table.lines().count(), 3);
    let rows = ["row", "seeds", "iterations"].map(|column| [value(1, column), value(2, column)]);
    assert_eq!(rows, [["UNETR", "UNETR + MedContext"], ["2", "2"], ["3", "2"]]);
    // The mean over seeds is that of the cells' own results, and the difference that of the rows.
    let dice = |row: &str, seed: usize| {
        let result = read(&format!("{row}/two/seed-{seed}/result.json"));
        let result: serde_json::Value = serde_json::from_str(&result).expect("JSON");
        result["evaluation"]["mean"]["dice"]["mean"].as_f64().expect("Dice")
    };
    let mean = |row| (dice(row, 0) + dice(row, 1)) / 2.0;
    let close = |found: String, expected: f64| {
        let found: f64 = found.parse().expect("a number");
        assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
    };
    close(value(1, "dice mean"), mean("unetr"));
    close(value(2, "dice mean"), mean("unetr-medcontext"));
    close(value(2, "dice difference"), mean("unetr-medcontext") - mean("unetr"));
    assert_eq!((value(2, "cases"), value(1, "cases")), ("1".into(), String::new()));
    assert!(read("table.md").contains("| UNETR + MedContext | two | 2 | 2 |"));

    // Finished cells are skipped, and a cell with other settings is refused.
    let told = succeed(&with(&arguments, &[]));
    assert!(
        told.contains("4 of them done") && !told.contains("training on"),
        "{told}"
    );
    let other = EXPERIMENT.replace("batch_size = 1", "batch_size = 2");
    fs::write(folder.path().join("experiment.toml"), other).expect("written");
    let sentence = refuse(&with(&arguments, &[]));
    assert!(
        sentence.contains("result.json was done with other settings"),
        "{sentence}"
    );
    succeed(&with(&arguments, &["--force", "--quiet"]));
}

#[test]
fn parts_give_the_same_results() {
    let folder = TempDir::new().expect("a folder");
    let arguments = prepare(folder.path(), EXPERIMENT);
    let told = succeed(&with(&arguments, &["--shard", "1/2"]));
    assert!(told.contains("2 cells, part 1 of 2, 0 of them done"), "{told}");
    let out = folder.path().join("out");
    assert!(!out.join("table.md").exists() && !out.join("unetr/two/seed-0").exists());
    let result = out.join("unetr/two/seed-1/result.json");
    let bytes = fs::read(&result).expect("written");
    let told = succeed(&with(&arguments, &[]));
    assert!(told.contains("4 cells, 2 of them done"), "{told}");
    assert_eq!(fs::read(&result).expect("written"), bytes);
    assert!(out.join("table.md").exists());
}

#[test]
fn an_experiment_that_cannot_work_gets_one_sentence() {
    let folder = TempDir::new().expect("a folder");
    let arguments = prepare(folder.path(), EXPERIMENT);
    for (good, bad, part) in [
        ("title", "titel", "unknown field"),
        ("against = \"UNETR\"", "against = \"nnFormer\"", "is not a row"),
        ("equal_time = 1.5", "equal_time = 0", "not above 0"),
        ("equal_time = 1.5", "seed = 3", "which seeds decides"),
        ("medcontext.enabled", "medcontext.enabeld", "enabeld"),
        ("iterations = 2", "iterations = 0", "iterations is 0"),
        ("\"two\"]", "\"three\"]", "\"three\" is not a list"),
        ("phantom_002\"", "phantom_003\"", "to train on and in"),
        (
            "phantom_002\"",
            "phantom_009\"",
            "no image with labels of the case phantom_009",
        ),
        ("splits.json:one", "splits.json:two", "there is no list two"),
        ("name = \"UNETR\"", "name = \"UNETR (MedContext)\"", "called like"),
        (
            "equal_time = 1.5",
            "protocol.empty = \"one\"",
            "which is measured otherwise",
        ),
        ("equal_time = 1.5", "protocol.mean = \"one\"", "mean"),
        (
            "equal_time = 1.5",
            "labels = [1]\nregions = [{ name = \"both\", labels = [1, 2] }]",
            "both labels and regions",
        ),
    ] {
        let text = EXPERIMENT.replacen(good, bad, 1);
        fs::write(folder.path().join("experiment.toml"), text).expect("written");
        let sentence = refuse(&with(&arguments, &["--quiet"]));
        assert!(sentence.contains(part), "{bad}: {sentence}");
        assert!(!folder.path().join("out").exists(), "nothing is left behind");
    }
}

/// Label 7 is in no map: 0 by UNETR's script, 1 by nnFormer's.
const PROTOCOLS: &str = r#"
title = "Protocols"
train = ["two"]
evaluate = "one"
labels = [1, 7]
protocol = { hd95 = "max", empty = "zero" }

[lists]
two = ["phantom_001", "phantom_002"]
one = ["phantom_003"]

[base]
size = "tiny"
patch = [16, 16, 16]
iterations = 1
batch_size = 1
medcontext.enabled = false

[[row]]
name = "zero"

[[row]]
name = "one"
protocol.empty = "one"

[[row]]
name = "regions"
protocol = { hd95 = "pooled", empty = "nan" }
regions = [{ name = "organs", labels = [1, 2] }, { name = "nothing", labels = [7] }]
"#;

/// Rows of one table that are measured and reported each as its own test script does.
#[test]
fn a_row_has_its_own_protocol_labels_and_regions() {
    let folder = TempDir::new().expect("a folder");
    let arguments = prepare(folder.path(), PROTOCOLS);
    succeed(&with(&arguments, &[]));
    let out = folder.path().join("out");
    let result = |row: &str| -> CellResult {
        let file = out.join(format!("{row}/two/seed-0/result.json"));
        serde_json::from_slice(&fs::read(file).expect("written")).expect("a result")
    };
    let [zero, one, regions] = ["zero", "one", "regions"].map(result);
    let dice = |result: &CellResult, index: usize| {
        let means = &result.evaluation.labels[index].means;
        means.dice.map(|statistic| statistic.mean)
    };
    // The same network, since the seed is the same.
    assert_eq!(dice(&zero, 0), dice(&one, 0));
    assert_eq!(
        (dice(&zero, 1), dice(&one, 1), dice(&regions, 1)),
        (Some(0.0), Some(1.0), None)
    );
    let mean = |result: &CellResult| result.evaluation.mean.dice.expect("a mean").mean;
    assert!((mean(&one) - mean(&zero) - 0.5).abs() < 1e-12);
    assert_eq!(Some(mean(&regions)), dice(&regions, 0));
    let protocol = |result: &CellResult| result.evaluation.protocol;
    assert_eq!(
        (protocol(&one).hd95.name(), protocol(&one).empty.name()),
        ("max", "one")
    );
    assert_eq!(
        (protocol(&regions).hd95.name(), protocol(&regions).empty.name()),
        ("pooled", "nan")
    );

    let table = fs::read_to_string(out.join("table.md")).expect("a table");
    // Region 1 is not label 1.
    assert!(table.contains("| liver | label 7 | organs | nothing |"), "{table}");
    let measured = "Measured on one: HD95 max, surface Dice within 2 mm, empty masks zero (zero); HD95 max, surface \
        Dice within 2 mm, empty masks one (one); HD95 pooled, surface Dice within 2 mm, empty masks nan (regions).";
    assert!(table.contains(measured), "{table}");
    let row = table.lines().find(|line| line.starts_with("| regions |"));
    let cells: Vec<&str> = row.expect("a row").split(" | ").collect();
    assert_eq!((cells[5], cells[6], cells[8]), ("-", "-", "-"), "{table}");
}

#[test]
fn settings_are_laid_over_every_row() {
    let folder = TempDir::new().expect("a folder");
    // The first row's own number of iterations is overridden too.
    let text = EXPERIMENT.replace("equal_time = 1.5\n", "iterations = 3\n").replace(
        "[[row]]\nname = \"UNETR + M",
        "[[row]]\nname = \"Swin\"\nbackbone = \"swin-unetr\"\nequal_time = 2.0\n\n[[row]]\nname = \"UNETR + M",
    );
    let arguments = prepare(folder.path(), &text);
    let file = path(folder.path(), "small.toml");
    let lay = |text: &str| fs::write(&file, text).expect("written");
    lay("seeds = [4]\niterations = 1\npatch = [40, 40, 40]\nmedcontext.mask_ratio = 0.5\n");
    let said = succeed(&with(&arguments, &["--override", &file]));
    assert!(said.contains("Two rows: 3 cells"), "{said}");
    let out = folder.path().join("out");
    let cell = |row: &str| -> Cell {
        let result = out.join(format!("{row}/two/seed-4/result.json"));
        let result: CellResult = serde_json::from_slice(&fs::read(result).expect("written")).expect("a result");
        result.cell
    };
    let [unetr, swin, medcontext] = ["unetr", "swin", "unetr-medcontext"].map(cell);
    let iterations = [&unetr, &swin, &medcontext].map(|cell| cell.config.iterations);
    assert_eq!(iterations, [1, 2, 1]);
    // The largest patch within the given one that each network accepts.
    let patches = [&unetr, &swin].map(|cell| cell.config.patch);
    assert_eq!(patches, [[32; 3], [32; 3]]);
    assert_eq!(medcontext.config.medcontext.mask_ratio, 0.5);
    assert!(!unetr.config.medcontext.enabled, "what is not given stays");
    let told = "Not with the experiment's own settings: iterations = 1, medcontext = { mask_ratio = 0.5 }, patch = \
        [40, 40, 40] in every row.";
    let table = fs::read_to_string(out.join("table.md")).expect("a table");
    assert!(table.contains(told), "{table}");
    // Without it, they are results of other settings.
    fs::remove_dir_all(out.join("swin")).expect("removed");
    assert!(succeed(&with(&arguments, &["--override", &file, "--table"])).contains("2 of them done"));
    lay("seeds = [4]\niterations = 2\npatch = [40, 40, 40]");
    let sentence = refuse(&with(&arguments, &["--override", &file]));
    assert!(sentence.contains("was done with other settings"), "{sentence}");
    for (text, part) in [
        ("iteration = 1", "unknown field `iteration`"),
        ("iterations = ", "small.toml: "),
        ("iterations = 0", "iterations is 0"),
        ("backbone = \"pcrlv2\"", "it sets backbone, which each row decides"),
        ("seed = 1", "it sets seed, which seeds decides"),
        ("seeds = 1", "seeds is not a list of whole numbers"),
        ("seeds = []", "seeds is empty"),
    ] {
        lay(text);
        let sentence = refuse(&with(&arguments, &["--override", &file, "--quiet"]));
        assert!(sentence.contains(part), "{text}: {sentence}");
    }
}

/// Rows that begin with pretraining, or from an encoder that was pretrained before; the best weights are measured.
const PRETRAINED: &str = r#"
title = "Pretraining"
train = ["two"]
validate = "other"
evaluate = "splits.json:one"

[lists]
two = ["phantom_001"]
other = ["phantom_002"]
scans = ["phantom_001", "phantom_002", "phantom_004"]

[base]
backbone = "unetr"
size = "tiny"
patch = [32, 32, 32]
iterations = 2
batch_size = 1
medcontext.enabled = false

[[row]]
name = "MAE"
pretrain = { list = "scans", method = "mae", iterations = 3 }

[[row]]
name = "from MAE"
against = "MAE"
start = "encoder/last.safetensors"
"#;

#[test]
fn a_row_begins_with_pretraining_or_from_weights() {
    let folder = TempDir::new().expect("a folder");
    let arguments = prepare(folder.path(), PRETRAINED);
    let refused = refuse(&with(&arguments, &[]));
    assert!(refused.contains("encoder/last.safetensors cannot be read"), "{refused}");
    let encoder = path(folder.path(), "encoder");
    let data = path(folder.path(), "phantom");
    let fixed = [
        "pretrain", "--data", &data, "--out", &encoder, "--size", "tiny", "--patch", "32,32,32",
    ];
    succeed(&[fixed.as_slice(), &["--iterations", "2"]].concat());
    succeed(&with(&arguments, &[]));
    let steps = |row: &str| -> Vec<u64> {
        let cell = folder.path().join("out").join(row).join("two/seed-0");
        assert!(cell.join("best.safetensors").exists() && cell.join("result.json").exists());
        let log = fs::read_to_string(cell.join("log.jsonl")).expect("a log");
        let events = log
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        let steps = events.filter(|event| event["event"] == "step");
        steps
            .map(|event| event["iteration"].as_u64().expect("a number"))
            .collect()
    };
    assert_eq!(steps("mae"), [1, 2, 3, 4, 5]);
    assert_eq!(steps("from-mae"), [1, 2]);

    let overlapping = PRETRAINED.replace("phantom_004\"]", "phantom_003\"]");
    fs::write(path(folder.path(), "experiment.toml"), overlapping).expect("written");
    let refused = refuse(&with(&arguments, &["--force"]));
    assert!(
        refused.contains("the case phantom_003 is in the list \"scans\""),
        "{refused}"
    );
}
