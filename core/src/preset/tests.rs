use std::collections::BTreeSet;

use super::*;
use crate::dataset::Source;
use crate::train::{Warmup, overlay};

fn files(ids: impl IntoIterator<Item = String>) -> Vec<CaseFiles> {
    let files = |id: String| CaseFiles {
        label: Some(format!("{id}_seg.nii.gz")),
        ..CaseFiles::of_image(id.as_str(), format!("{id}.nii.gz"))
    };
    ids.into_iter().map(files).collect()
}

/// Scans without label maps.
fn unlabeled(ids: impl IntoIterator<Item = String>) -> Vec<CaseFiles> {
    let bare = |case| CaseFiles { label: None, ..case };
    files(ids).into_iter().map(bare).collect()
}

/// The labeled cases that the lists were published for.
fn whole(preset: Preset) -> Vec<CaseFiles> {
    match preset {
        Preset::Synapse => files((1..=10).chain(21..=40).map(|n| format!("img{n:04}"))),
        Preset::Acdc => files((1..=100).flat_map(frames)),
        Preset::Brats21 => files((0..1251).map(|n| format!("BraTS2021_{n:05}"))),
        Preset::Brats17 => files((1..=484).map(|n| format!("BRATS_{n:03}"))),
        Preset::Decathlon => files((0..4).map(|n| format!("case_{n}"))),
    }
}

/// Two frames of a patient of ACDC.
fn frames(patient: usize) -> [String; 2] {
    [1, 12].map(|frame| format!("patient{patient:03}_frame{frame:02}"))
}

/// What the data sets are distributed with besides: unlabeled scans, and labels that were published later.
fn beside(preset: Preset) -> Vec<CaseFiles> {
    match preset {
        Preset::Synapse => unlabeled((61..=80).map(|n| format!("img{n:04}"))),
        Preset::Acdc => files((101..=150).flat_map(frames)),
        Preset::Brats21 => unlabeled((1251..1470).map(|n| format!("BraTS2021_{n:05}"))),
        Preset::Brats17 => unlabeled((485..=750).map(|n| format!("BRATS_{n:03}"))),
        Preset::Decathlon => unlabeled(["case_9".to_owned()]),
    }
}

fn ids(cases: &[CaseFiles]) -> BTreeSet<&str> {
    cases.iter().map(|case| case.id.as_str()).collect()
}

#[test]
fn lists_have_their_published_sizes_and_do_not_overlap() {
    let sizes: [(Preset, &[(&str, usize)]); 5] = [
        (Preset::Synapse, &[("train", 18), ("test", 12)]),
        (Preset::Synapse, &[("released-train", 18), ("released-test", 12)]),
        (Preset::Acdc, &[("train", 140), ("val", 20), ("test", 40)]),
        (Preset::Brats21, &[("train", 1000), ("val", 251)]),
        (Preset::Brats17, &[("train", 387), ("val", 73), ("test", 24)]),
    ];
    for (preset, lists) in sizes {
        let labeled = whole(preset);
        let cases = [labeled.clone(), beside(preset)].concat();
        let mut all = BTreeSet::new();
        let mut count = 0;
        for &(list, size) in lists {
            let selected = preset.select(list, &cases).expect("a list");
            assert_eq!(selected.len(), size, "{preset} {list}");
            assert_eq!(preset.published_cases(list), Some(size));
            assert_eq!(preset.differing(list, &selected), None);
            count += size;
            all.extend(selected.into_iter().map(|case| case.id));
        }
        assert_eq!((all.len(), labeled.len()), (count, count), "{preset}");
    }
    let five = Preset::Synapse.select("five-shot", &whole(Preset::Synapse));
    let expected = ["img0006", "img0007", "img0009", "img0010", "img0021"];
    assert_eq!(ids(&five.expect("a list")), BTreeSet::from(expected));
    // One of the five frames is frame 12.
    let five = Preset::Acdc.select("five-shot", &whole(Preset::Acdc));
    assert_eq!(five.expect("a list").len(), 2);
    // The paper's 80 patients: those trained on, and `val`.
    let acdc = [whole(Preset::Acdc), beside(Preset::Acdc)].concat();
    let select = |list| Preset::Acdc.select(list, &acdc).expect("a list");
    let [eighty, train, val] = ["train-80", "train", "val"].map(select);
    assert_eq!((eighty.len(), eighty.first()), (160, train.first()));
    assert_eq!(ids(&eighty), &ids(&train) | &ids(&val));
}

/// The held-out cases of BraTS 2021 are the same ones whatever other cases are present.
#[test]
fn a_case_that_is_missing_or_added_moves_no_other() {
    // The distribution's numbers have gaps, which are the unlabeled cases.
    let name = |n: usize| format!("BraTS2021_{n:05}");
    let numbers: Vec<usize> = (0..1667).filter(|n| n % 4 > 0 || n % 7 == 0).collect();
    let cases = files(numbers.iter().copied().map(name));
    let held_out = |cases: &[CaseFiles]| Preset::Brats21.select("val", cases).expect("a list");
    let (all, rest) = (held_out(&cases), held_out(&cases[1..]));
    assert_eq!(ids(&rest), &ids(&all) - &BTreeSet::from(["BraTS2021_00000"]));
    let more = [cases, unlabeled((0..1667).map(name))].concat();
    assert_eq!(ids(&held_out(&more)), ids(&all));
    // A fifth, up to rounding.
    let share = all.len() as f64 / numbers.len() as f64;
    assert!((share - 0.2).abs() < 0.01, "{share}");
}

#[test]
fn a_list_that_is_not_whole_says_what_is_absent() {
    let said = |preset: Preset, list: &str, cases: &[CaseFiles]| {
        let selected = preset.select(list, cases).expect("a list");
        preset.differing(list, &selected)
    };
    let cases = whole(Preset::Brats21);
    let expected = "brats21 train: 980 of 1000 published cases are here";
    assert_eq!(said(Preset::Brats21, "train", &cases[..1225]), Some(expected.into()));
    let expected = "synapse test: 10 of 12 published cases are here; absent: img0036, img0038";
    let cases = whole(Preset::Synapse);
    assert_eq!(said(Preset::Synapse, "test", &cases[..25]), Some(expected.into()));
    let expected = "brats17 val: 2 of 73 published cases are here; absent: BRATS_018, BRATS_020, BRATS_021, BRATS_028, \
        BRATS_029 and 66 more";
    let cases = whole(Preset::Brats17);
    assert_eq!(said(Preset::Brats17, "val", &cases[..12]), Some(expected.into()));
    let twice = [cases.clone(), cases].concat();
    let expected = "brats17 test: 48 cases are here, more than the 24 published";
    assert_eq!(said(Preset::Brats17, "test", &twice), Some(expected.into()));
    assert_eq!(said(Preset::Decathlon, "train", &twice), None);
    // Its folders determine what is held out.
    let mut tasks = whole(Preset::Decathlon);
    tasks[0].part = Some(Part::Test);
    tasks[1].part = Some(Part::Validation);
    tasks[2].part = Some(Part::Training);
    let selected = Preset::Decathlon.select("train", &tasks).expect("a list");
    assert_eq!(selected, tasks[2..]);
}

/// Two images of one name are told apart by their paths; the labeled one is meant.
#[test]
fn a_case_is_known_by_the_name_of_its_file() {
    let mut cases = files(["imagesTr_BRATS_001", "imagesTr_BRATS_002"].map(str::to_owned));
    cases[0].channels = vec![Source::file("imagesTr/BRATS_001.nii.gz")];
    cases[1].channels = vec![Source::file("imagesTr/BRATS_002_0000.nii.gz")];
    let mut other = unlabeled(["imagesTs_BRATS_001".to_owned()]);
    other[0].channels = vec![Source::file("imagesTs/BRATS_001.nii.gz")];
    let selected = Preset::Brats17.select("train", &[cases.clone(), other.clone()].concat());
    assert_eq!(selected.expect("a list"), cases);
    let refused = Preset::Brats17.select("train", &other).expect_err("no labels");
    assert_eq!(
        refused.to_string(),
        "cases of brats17's list train are here without their label maps (1); add the label maps of the data set"
    );
}

#[test]
fn lists_that_help_nobody_are_refused() {
    let cases = files(["scan1".to_owned()]);
    let refused = Preset::Acdc.select("train", &cases).expect_err("another data set");
    assert!(refused.to_string().starts_with("no case of acdc's list train is here"));
    let refused = Preset::Acdc.select("fold1", &cases).expect_err("no list");
    assert_eq!(
        refused.to_string(),
        "acdc has no list fold1; it has train, val, test, train-80, five-shot"
    );
}

#[test]
fn every_preset_suits_every_backbone() {
    for preset in Preset::ALL {
        for backbone in Backbone::ALL {
            let settings = preset.settings(backbone, &[]).expect("settings");
            let config = &settings.config;
            config.check(&config.resolved_network()).expect("settings that work");
            let regions = settings.labels.as_ref().and_then(LabelSet::regions);
            let sigmoid = config.loss.activation() == Activation::Sigmoid;
            assert_eq!(regions.is_some(), sigmoid, "{preset} {backbone}");
            // A run can read what it writes.
            let text = toml::to_string(config).expect("TOML");
            let again: TrainConfig = toml::from_str(&text).expect("the same");
            assert_eq!(again, *config, "{preset} {backbone}");
        }
    }
}

#[test]
fn numbers_of_the_sources() {
    let settings = |preset: Preset, backbone| preset.settings(backbone, &[]).expect("settings");
    let synapse = settings(Preset::Synapse, Backbone::Unetr);
    assert_eq!(synapse.labels.expect("labels").classes(), 14);
    assert_eq!(synapse.reported.len(), 8);
    assert_eq!((synapse.config.patch, synapse.config.batch_size), ([96; 3], 4));
    let acdc = settings(Preset::Acdc, Backbone::Nnformer).config;
    assert_eq!(acdc.network.backbone(), Backbone::NnformerAcdc);
    assert_eq!((acdc.patch, acdc.batch_size), ([14, 160, 160], 4));
    assert_eq!((acdc.iterations, acdc.learning_rate), (250_000, 0.01));
    let tumor = settings(Preset::Brats17, Backbone::Nnformer);
    assert_eq!(tumor.labels.expect("labels").outputs(), 4);
    let brats = settings(Preset::Brats21, Backbone::SwinUnetr);
    assert_eq!(brats.labels.expect("labels").outputs(), 3);
}

#[test]
fn a_preset_warms_up_for_the_epochs_that_its_source_has() {
    let brats = Preset::Brats21.published(Backbone::SwinUnetr, 1000);
    let mut config = brats.expect("labels").expect("settings").config;
    assert_eq!(config.iterations, 300_000);
    assert_eq!(config.warmup_steps(), 50_000);
    // Epoch e has the factor e/49, as in the source's LinearWarmupCosineAnnealingLR.
    let at = |epoch: usize| config.rate_at(1000 * epoch, 1000) / config.learning_rate;
    let rates = [0, 1, 25, 49, 50, 175, 299].map(at);
    let cosine = |epoch: f64| 0.5 * (1.0 + (std::f64::consts::PI * (epoch - 50.0) / 250.0).cos());
    let expected = [0.0, 1.0 / 49.0, 25.0 / 49.0, 1.0, 1.0, 0.5, cosine(299.0)];
    for (found, expected) in rates.into_iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found} and {expected}");
    }
    // A shorter run keeps the fraction of a sixth.
    config.set_iterations(60_000);
    assert_eq!(config.warmup_steps(), 10_000);
    config.set_iterations(600_000);
    assert_eq!(config.warmup_steps(), 10_000);
}

/// A hundredth of 5000 epochs is not enough to warm up in a few hundred steps.
#[test]
fn a_preset_that_is_cut_short_warms_up_for_a_tenth() {
    let synapse = Preset::Synapse.published(Backbone::Unetr, 18);
    let mut config = synapse.expect("labels").expect("settings").config;
    assert_eq!(config.warmup_steps(), 900);
    let table = "iterations = 600".parse().expect("TOML");
    assert_eq!(overlay(&config, table).expect("settings").warmup_steps(), 60);
    let table = "iterations = 600\nwarmup = 7".parse().expect("TOML");
    assert_eq!(overlay(&config, table).expect("settings").warmup_steps(), 7);
    config.set_iterations(600);
    assert_eq!((config.warmup_steps(), config.warmup_count), (60, Warmup::Released));
    assert!(config.warnings().is_empty());
}
