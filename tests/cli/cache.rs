//! Cases that cannot be read, and cases cached on disk instead of in memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::Device;
use futures::executor::block_on;
use medcontext_core::Error;
use medcontext_core::backbone::{Backbone, Size};
use medcontext_core::dataset::{Case, LabelSet, PhantomConfig, phantom};
use medcontext_core::train::{Event, HeldOut, NetworkChoice, Start, TrainConfig, Trainer, TrainingSet};
use medcontext_core::volume::{Image, Limits, gzip};
use tempfile::TempDir;

use crate::experiment::{EXPERIMENT, prepare, with};
use crate::{core, lists, path, phantom as phantoms, read, refuse, succeed, text, train};

/// Names of a folder's files with this ending, with their modification times.
fn files(folder: &str, ending: &str) -> BTreeMap<String, std::time::SystemTime> {
    let entries = fs::read_dir(folder).expect("a folder");
    let entries = entries.map(|entry| entry.expect("an entry"));
    let named = entries.map(|entry| {
        let changed = entry.metadata().and_then(|facts| facts.modified());
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, changed.expect("a time"))
    });
    named.filter(|(name, _)| name.ends_with(ending)).collect()
}

#[test]
fn cases_on_disk_give_the_same_network_and_are_prepared_once() {
    let folder = TempDir::new().expect("a folder");
    let data = phantoms(folder.path());
    let [a, b] = lists(folder.path());
    let cache = path(folder.path(), "cache");
    let run = |name: &str, more: &[&str]| {
        let out = path(folder.path(), name);
        let lists = ["--split", &a, "--val", &b];
        succeed(&[&train(&data, &out), lists.as_slice(), more].concat());
        let log = fs::read_to_string(Path::new(&out).join("log.jsonl")).expect("a log");
        let validated = log.lines().filter(|line| line.contains("\"validated\""));
        let validated: Vec<String> = validated.map(str::to_owned).collect();
        assert_eq!(validated.len(), 1, "{log}");
        let weights = fs::read(Path::new(&out).join("last.safetensors")).expect("weights");
        (weights, validated)
    };
    let on_disk = ["--cache", cache.as_str()];
    let memory = run("memory", &[]);
    assert_eq!(run("first", &on_disk), memory);
    // Fingerprints of all three, and the two that are trained on.
    let (fingerprints, prepared) = (files(&cache, ".json"), files(&cache, ".safetensors"));
    assert_eq!((fingerprints.len(), prepared.len()), (3, 2));
    assert_eq!(files(&cache, "").len(), 5, "nothing else is left");
    assert_eq!(run("second", &on_disk), memory);
    assert_eq!(files(&cache, ".json"), fingerprints, "not written again");
    assert_eq!(files(&cache, ".safetensors"), prepared);

    // A changed scan is prepared again, and so are all scans for other settings.
    let image = Path::new(&data).join("imagesTr/phantom_001.nii.gz");
    let bytes = fs::read(&image).expect("an image");
    let voxels = Image::read(&bytes, &Limits::default()).expect("read");
    fs::write(&image, gzip(&voxels.to_nifti())).expect("written");
    assert_eq!(run("third", &on_disk).1.len(), 1);
    assert_eq!(files(&cache, ".safetensors").len(), 3);
    let config = path(folder.path(), "window.toml");
    let window = "[preprocessing.normalization.window]\nlow = 0.0\nhigh = 200.0\n";
    fs::write(&config, window).expect("written");
    let window = run("window", &[&on_disk[..], &["--config", &config]].concat());
    assert_ne!(window.0, memory.0);
    assert_eq!(files(&cache, ".safetensors").len(), 5);
}

#[test]
fn an_experiment_of_cases_on_disk_has_the_same_results() {
    let [memory, disk] = [(); 2].map(|()| TempDir::new().expect("a folder"));
    let cache = path(disk.path(), "cache");
    let cell = |folder: &TempDir, more: &[&str]| {
        let arguments = prepare(folder.path(), EXPERIMENT);
        succeed(&with(&arguments, more));
        let run = folder.path().join("out/unetr-medcontext/two/seed-1");
        ["last.safetensors", "predicted/phantom_003.nii.gz"].map(|name| fs::read(run.join(name)).expect("a result"))
    };
    assert_eq!(cell(&disk, &["--cache", &cache]), cell(&memory, &[]));
    // For all four cells.
    assert_eq!(files(&cache, ".safetensors").len(), 2);
}

#[test]
fn a_case_that_cannot_be_read_is_named_and_left_out_unless_strict() {
    let folder = TempDir::new().expect("a folder");
    let data = phantoms(folder.path());
    let image = Path::new(&data).join("imagesTr/phantom_002.nii.gz");
    let bytes = fs::read(&image).expect("an image");
    fs::write(&image, &bytes[..bytes.len() / 2]).expect("cut");
    let cache = path(folder.path(), "cache");
    for (name, more) in [("memory", vec![]), ("disk", vec!["--cache", &cache])] {
        let out = path(folder.path(), name);
        let output = core(&[train(&data, &out), more.clone()].concat());
        let said = text(&output.stderr);
        assert!(output.status.success(), "{said}");
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 2, "{said}");
        assert!(lines[0].contains("imagesTr/phantom_002.nii.gz"), "{said}");
        assert!(lines[0].ends_with("phantom_002 is left out"), "{said}");
        assert_eq!(lines[1], "1 of 3 cases are left out; --strict refuses them");
        let log = fs::read_to_string(Path::new(&out).join("log.jsonl")).expect("a log");
        assert!(log.contains("\"training_cases\":2"), "{log}");

        let out = path(folder.path(), &format!("{name}-strict"));
        let sentence = refuse(&[train(&data, &out), more, vec!["--strict"]].concat());
        assert!(sentence.contains("phantom_002.nii.gz"), "{sentence}");
        assert!(!Path::new(&out).exists(), "nothing is left behind");
    }
}

/// Three synthetic cases.
fn cases() -> [Case; 3] {
    let made = phantom(&PhantomConfig {
        cases: 3,
        voxels: (16, 20),
        ..PhantomConfig::default()
    });
    let cases: Vec<Case> = made.iter().map(read).collect();
    cases.try_into().expect("three")
}

/// Dice at every validation and the number of skipped cases, of a run validated on two cases: the first can be read
/// always or never, the second `times` times.
fn validated(first: bool, times: usize) -> Result<Vec<(f64, usize)>, Error> {
    let config = TrainConfig {
        network: NetworkChoice::named(Backbone::Unetr, Size::Tiny),
        patch: [16; 3],
        iterations: 3,
        batch_size: 1,
        checkpoint_every: 1,
        ..TrainConfig::default()
    };
    let [trained, one, other] = cases();
    let labels = LabelSet::from_cases([&trained], &BTreeMap::new()).expect("labels");
    let gone = |file: &str| Error::Unreadable {
        file: file.to_owned(),
        problem: "gone".to_owned(),
    };
    let asked = AtomicUsize::new(0);
    let second = move || match asked.fetch_add(1, Ordering::Relaxed) < times {
        true => Ok(other.clone()),
        false => Err(gone("other.nii")),
    };
    let first = match first {
        true => one.into(),
        false => HeldOut::OnDemand(Box::new(move || Err(gone("one.nii")))),
    };
    let held_out = vec![first, HeldOut::OnDemand(Box::new(second))];
    let training = TrainingSet::prepare(vec![trained], &labels, &config)?;
    let device = Device::flex();
    let mut trainer = Trainer::on(config, training, held_out, labels, Start::Scratch, &device)?;
    let (mut found, mut steps) = (Vec::new(), 0);
    while let Some(event) = block_on(trainer.next())? {
        match event {
            Event::Step { .. } => steps += 1,
            Event::Validated { dice, left_out, .. } => {
                for why in &left_out {
                    assert!(why.contains(".nii cannot be read (gone)"), "{why}");
                }
                found.push((dice, left_out.len()));
            }
            _ => {}
        }
    }
    assert_eq!(steps, 3);
    Ok(found)
}

#[test]
fn a_held_out_case_that_is_gone_in_the_middle_is_left_out_and_told() {
    let always = validated(true, 3).expect("a run");
    let gone = validated(true, 1).expect("a run that goes on");
    let counts = |found: &[(f64, usize)]| found.iter().map(|(_, count)| *count).collect::<Vec<_>>();
    assert_eq!(counts(&always), [0, 0, 0]);
    assert_eq!(counts(&gone), [0, 1, 1]);
    assert_eq!(always[0].0, gone[0].0);
    // Without any case there is no result.
    let nothing = validated(false, 1).expect_err("no case is left");
    assert!(nothing.to_string().starts_with("other.nii"), "{nothing}");
}
