//! Two iterations of each included experiment, on phantoms in its data set's folders.

use super::*;

/// Settings small enough for a test.
const SMALL: &str = r#"
seeds = [0]
size = "tiny"
iterations = 2
batch_size = 1
patch = [32, 32, 32]
overlap = 0.0
"#;

/// Phantoms have voxels of a centimeter: resampled to a preset's spacing they would be large.
const COARSE: &str = "preprocessing.spacing.mm = [11.0, 12.0, 13.0]\n";

/// Two iterations of experiments, cell by cell, on phantoms in `data`.
fn runs(folder: &Path, data: &str, names: &[&str], more: &str) {
    let small = path(folder, "small.toml");
    fs::write(&small, format!("{SMALL}{more}")).expect("written");
    for name in names {
        let out = path(folder, name);
        let file = experiment_file(name);
        let fixed = ["experiment", &file, "--data", data, "--out", &out];
        succeed(&[fixed.as_slice(), &["--override", &small, "--quiet"]].concat());
        let rows = experiment(name).rows.len();
        let results = listing(Path::new(&out)).into_iter();
        let results: Vec<PathBuf> = results.filter(|file| file.ends_with("result.json")).collect();
        assert_eq!(results.len(), rows, "{name}");
        for result in results {
            let result = read_result(&result);
            let dice = result.evaluation.mean.dice.expect("cases with labels").mean;
            assert!((0.0..=1.0).contains(&dice), "{name}: {dice}");
        }
        let table = fs::read_to_string(Path::new(&out).join("table.md")).expect("a table");
        assert!(table.contains("iterations = 2, overlap = 0.0"), "{name}: {table}");
        assert!(table.contains("HD95 mm | HD95 voxels"), "{name}: {table}");
    }
}

fn read_result(file: &Path) -> CellResult {
    serde_json::from_slice(&fs::read(file).expect("a result")).expect("a result")
}

#[test]
fn two_iterations_on_synapse() {
    let folder = TempDir::new().expect("a folder");
    let data = phantoms(folder.path(), "synapse");
    let names = [
        "table1-synapse",
        "table4-synapse",
        "table5-synapse",
        "table6-synapse",
        "table7-synapse",
        "table8-synapse",
        "figure4-teacher",
        "figure4-weights",
        "released-synapse",
    ];
    runs(folder.path(), &data, &names, COARSE);
}

#[test]
fn two_iterations_on_acdc() {
    let folder = TempDir::new().expect("a folder");
    let data = phantoms(folder.path(), "acdc");
    let names = ["table2-acdc", "table4-acdc", "table6-acdc"];
    runs(folder.path(), &data, &names, COARSE);
    // Of patients 1 to 4, two are test cases; 101 and 102 have labels too and are on no list.
    let result = folder.path().join("table2-acdc/unetr/train-80/seed-0/result.json");
    let result = read_result(&result);
    let frames = |patient: &str, frames: [usize; 2]| frames.map(|frame| format!("{patient}_frame{frame:02}"));
    let trained = [frames("patient001", [1, 12]), frames("patient004", [1, 15])].concat();
    assert_eq!(result.cell.training, trained);
    let measured = [frames("patient002", [1, 12]), frames("patient003", [1, 12])].concat();
    assert_eq!(result.cell.evaluation, measured);
}

#[test]
fn two_iterations_on_brain_tumors() {
    let folder = TempDir::new().expect("a folder");
    let data = phantoms(folder.path(), "brats17");
    runs(folder.path(), &data, &["table3-brats17", "released-brats17"], COARSE);
    let table = fs::read_to_string(folder.path().join("table3-brats17/table.md")).expect("a table");
    assert!(
        table.contains("| whole tumor | enhancing tumor | tumor core |"),
        "{table}"
    );
    let folder = TempDir::new().expect("a folder");
    let data = phantoms(folder.path(), "brats21");
    runs(folder.path(), &data, &["table3-brats21", "table6-brats21"], "");
}

#[test]
fn two_iterations_on_hippocampus() {
    let folder = TempDir::new().expect("a folder");
    let mut cases = medcontext_core::dataset::phantom(&PhantomConfig {
        cases: hippocampus_names().len(),
        seed: 0,
        voxels: (16, 20),
    });
    for (case, name) in cases.iter_mut().zip(hippocampus_names()) {
        case.name = name;
    }
    let files = lay_out(Preset::Decathlon, &cases, cases.len()).expect("volumes");
    for (name, bytes) in files {
        let file = folder.path().join("data").join(&name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        let bytes = if name.ends_with(".gz") { gzip(&bytes) } else { bytes };
        fs::write(file, bytes).expect("written");
    }
    let data = path(folder.path(), "data");
    let names = ["hippocampus-fewshot", "hippocampus-ablation", "hippocampus-pretraining"];
    runs(folder.path(), &data, &names, "");
}
