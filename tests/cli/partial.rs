//! Runs on partly labeled scans, and on scans without labels.

use std::fs;
use std::path::Path;

use medcontext_core::dataset::LabelSet;
use medcontext_core::train::RunState;
use medcontext_core::volume::{Image, LabelImage, Limits, gzip};
use medcontext_core::weights::Metadata;
use tempfile::TempDir;

use crate::{path, phantom, refuse, steps, succeed, train};

/// The label map of a file.
fn label(file: &Path) -> LabelImage {
    let bytes = fs::read(file).expect("a file");
    LabelImage::from_image(Image::read(&bytes, &Limits::default()).expect("a volume")).expect("labels")
}

/// Gives every label map of phantoms the id 9 in its lower half.
fn ignore_half(data: &str) {
    for entry in fs::read_dir(Path::new(data).join("labelsTr")).expect("label maps") {
        let file = entry.expect("a file").path();
        let map = label(&file);
        let mut labels = map.canonical();
        let half = labels.dim().0 / 2;
        labels.slice_mut(ndarray::s![..half, .., ..]).fill(9);
        let map = LabelImage::on_grid(labels, map.header().clone(), map.grid().clone()).expect("a map");
        fs::write(file, gzip(&map.to_nifti())).expect("written");
    }
}

/// The labels of a run's weights.
fn learned(run: &str) -> LabelSet {
    let weights = fs::read(Path::new(run).join("last.safetensors")).expect("weights");
    Metadata::read(&weights).expect("metadata").labels
}

#[test]
fn an_ignored_label_is_neither_learned_nor_measured() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let whole = path(folder.path(), "whole");
    succeed(&train(&data, &whole));
    let plain = learned(&whole);
    ignore_half(&data);

    let by_choice = path(folder.path(), "by-choice");
    let mut arguments = train(&data, &by_choice);
    arguments.extend(["--ignore-label", "9"]);
    succeed(&arguments);
    let labels = learned(&by_choice);
    assert_eq!((labels.ignore(), labels.ids().contains(&9)), (Some(9), false));
    assert_eq!(labels.outputs(), plain.outputs());
    let weights = path(folder.path(), "by-choice/last.safetensors");
    assert!(succeed(&["info", &weights]).contains("voxels that are not labeled"));

    // The same where dataset.json names it, also from the cache of prepared cases.
    let json = Path::new(&data).join("dataset.json");
    let text = fs::read_to_string(&json).expect("a dataset.json");
    let mut value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    value["labels"]["9"] = "ignore".into();
    fs::write(&json, value.to_string()).expect("written");
    let cache = path(folder.path(), "cache");
    let bytes = |run: &str| fs::read(Path::new(run).join("last.safetensors")).expect("weights");
    for (run, more) in [
        ("by-name", None),
        ("cached", Some(cache.as_str())),
        ("again", Some(cache.as_str())),
    ] {
        let run = path(folder.path(), run);
        let mut arguments = train(&data, &run);
        arguments.extend(more.into_iter().flat_map(|cache| ["--cache", cache]));
        succeed(&arguments);
        assert_eq!(bytes(&run), bytes(&by_choice), "{run}");
    }
    let plan = succeed(&["plan", "--data", &data, "--json"]);
    assert!(!plan.contains("ignore"), "{plan}");

    // The ids are no prediction: only the upper half is measured.
    let (predicted, truth) = (
        path(folder.path(), "predicted"),
        path(folder.path(), "phantom/labelsTr"),
    );
    fs::create_dir(&predicted).expect("made");
    for entry in fs::read_dir(&truth).expect("label maps") {
        let file = entry.expect("a file").path();
        let map = label(&file);
        let labels = map.canonical().mapv(|label| if label == 9 { 1 } else { label });
        let map = LabelImage::on_grid(labels, map.header().clone(), map.grid().clone()).expect("a map");
        let to = Path::new(&predicted).join(file.file_name().expect("a name"));
        fs::write(to, gzip(&map.to_nifti())).expect("written");
    }
    let table = |more: &[&str]| {
        let file = path(folder.path(), "table.json");
        let inputs = [
            "evaluate",
            "--prediction",
            &predicted,
            "--truth",
            &truth,
            "--json",
            &file,
        ];
        succeed(&[&inputs[..], more].concat());
        let table: serde_json::Value = serde_json::from_slice(&fs::read(&file).expect("a table")).expect("JSON");
        table["mean"]["dice"]["mean"].as_f64().expect("a mean")
    };
    assert_eq!(table(&[]), 1.0);
    fs::remove_file(&json).expect("removed");
    assert!(table(&[]) < 1.0);
    assert_eq!(table(&["--ignore-label", "9"]), 1.0);
}

#[test]
fn only_labeled_slices_count_if_asked_for() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let run = path(folder.path(), "run");
    let mut arguments = train(&data, &run);
    arguments.extend(["--labeled-slices", "sagittal"]);
    succeed(&arguments);
    assert_eq!(learned(&run).ignore(), Some(u16::MAX));
    arguments[4] = "never";
    *arguments.last_mut().expect("an axis") = "oblique";
    let refused = crate::core(&arguments);
    assert_eq!(refused.status.code(), Some(2));
    assert!(crate::text(&refused.stderr).contains("choose axial, coronal, sagittal or auto"));
}

#[test]
fn scans_without_labels_teach_by_consistency() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let share = |share: &str, more: &[&str]| {
        let run = path(folder.path(), &format!("run-{share}-{}", more.len()));
        let fixed = [
            "--patch",
            "16,32,32",
            "--iterations",
            "4",
            "--batch-size",
            "1",
            "--unlabeled-share",
            share,
            "--medcontext",
            "fitted",
        ];
        (steps(&data, &run, &[&fixed[..], more].concat()), run)
    };
    let (half, run) = share("0.5", &[]);
    // Every second patch is unlabeled, and is a whole batch here. It has four tubes, of which some are masked.
    let term = |step: &serde_json::Value, name: &str| step["losses"][name].as_f64().expect("a term");
    let unlabeled: Vec<bool> = half.iter().map(|step| term(step, "supervised") == 0.0).collect();
    assert_eq!(unlabeled.iter().filter(|&&unlabeled| unlabeled).count(), 2);
    for (step, unlabeled) in half.iter().zip(&unlabeled) {
        assert_eq!(term(step, "masked") == 0.0, *unlabeled);
        assert!(term(step, "consistency") > 0.0);
    }
    let state = RunState::read(&fs::read(Path::new(&run).join("state.safetensors")).expect("a state")).expect("read");
    assert_eq!((state.cases.len(), state.unlabeled.len()), (3, 1));
    assert_eq!(state.seen.map(|seen| seen.len()), Some(4));
    // The same from a cache, and when a run is resumed.
    let cache = path(folder.path(), "cache");
    assert_eq!(
        share("0.5", &["--cache", &cache])
            .0
            .iter()
            .map(crate::loss)
            .collect::<Vec<_>>(),
        half.iter().map(crate::loss).collect::<Vec<_>>()
    );
    let log = fs::read_to_string(Path::new(&run).join("log.jsonl")).expect("a log");
    assert!(log.contains("\"unlabeled_cases\":1"), "{log}");
    // Nothing of a run without them mentions them.
    let (_, plain) = share("0", &[]);
    for file in ["config.toml", "log.jsonl"] {
        let text = fs::read_to_string(Path::new(&plain).join(file)).expect("a file");
        assert!(!text.contains("unlabeled"), "{file}: {text}");
    }
}

#[test]
fn unlabeled_scans_are_refused_where_they_would_teach_nothing() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let run = path(folder.path(), "run");
    let refused = |more: &[&str]| refuse(&[&train(&data, &run)[..], more].concat());
    let off = refused(&["--unlabeled-share", "0.5", "--medcontext", "off"]);
    assert!(off.contains("consistency"), "{off}");
    assert!(refused(&["--unlabeled-share", "1", "--medcontext", "fitted"]).contains("choose 0 to below 1"));
    fs::remove_dir_all(Path::new(&data).join("imagesTs")).expect("removed");
    let more = ["--unlabeled-share", "0.5", "--medcontext", "fitted"];
    let none = crate::core(&[&train(&data, &run)[..], &more].concat());
    let said = crate::text(&none.stderr);
    assert!(
        !none.status.success() && said.contains("no case is without labels"),
        "{said}"
    );
}
