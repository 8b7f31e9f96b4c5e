use std::collections::BTreeSet;

use super::*;
use crate::train::Activation;

fn files(ids: impl IntoIterator<Item = String>) -> Vec<CaseFiles> {
    let files = |id: String| CaseFiles {
        image: format!("{id}.nii.gz"),
        other_channels: Vec::new(),
        label: Some(format!("{id}_seg.nii.gz")),
        id,
    };
    ids.into_iter().map(files).collect()
}

/// The cases as distributed.
fn whole(preset: Preset) -> Vec<CaseFiles> {
    match preset {
        Preset::Synapse => files((1..=10).chain(21..=40).map(|n| format!("img{n:04}"))),
        Preset::Acdc => {
            let of = |n| [1, 12].map(|frame| format!("patient{n:03}_frame{frame:02}"));
            files((1..=100).flat_map(of))
        }
        Preset::Brats21 => files((0..1251).map(|n| format!("BraTS2021_{n:05}"))),
        Preset::Brats17 => files((1..=484).map(|n| format!("BRATS_{n:03}"))),
        Preset::Decathlon => files((0..4).map(|n| format!("case_{n}"))),
    }
}

#[test]
fn lists_have_their_published_sizes_and_do_not_overlap() {
    let sizes: [(Preset, &[(&str, usize)]); 5] = [
        (Preset::Synapse, &[("train", 18), ("test", 12)]),
        (
            Preset::Synapse,
            &[("released-train", 18), ("released-test", 12)],
        ),
        (Preset::Acdc, &[("train", 140), ("val", 20), ("test", 40)]),
        (Preset::Brats21, &[("train", 1000), ("val", 251)]),
        (
            Preset::Brats17,
            &[("train", 387), ("val", 73), ("test", 24)],
        ),
    ];
    for (preset, lists) in sizes {
        let cases = whole(preset);
        let mut all = BTreeSet::new();
        let mut count = 0;
        for &(list, size) in lists {
            let selected = preset.select(list, &cases).expect("a list");
            assert_eq!(selected.len(), size, "{preset} {list}");
            count += size;
            all.extend(selected.into_iter().map(|case| case.id));
        }
        assert_eq!((all.len(), cases.len()), (count, count), "{preset}");
    }
    let five = Preset::Synapse.select("five-shot", &whole(Preset::Synapse));
    let ids: Vec<String> = five
        .expect("a list")
        .into_iter()
        .map(|case| case.id)
        .collect();
    assert_eq!(ids, ["img0006", "img0007", "img0009", "img0010", "img0021"]);
    // One of the five frames is a twelfth.
    let five = Preset::Acdc.select("five-shot", &whole(Preset::Acdc));
    assert_eq!(five.expect("a list").len(), 2);
}

#[test]
fn lists_that_help_nobody_are_refused() {
    let cases = files(["scan1".to_owned()]);
    let refused = Preset::Acdc
        .select("train", &cases)
        .expect_err("another data set");
    assert!(
        refused
            .to_string()
            .starts_with("no case of acdc's list train is here")
    );
    let refused = Preset::Acdc.select("fold1", &cases).expect_err("no list");
    assert_eq!(
        refused.to_string(),
        "acdc has no list fold1; it has train, val, test, five-shot"
    );
}

#[test]
fn every_preset_suits_every_backbone() {
    for preset in Preset::ALL {
        for backbone in Backbone::ALL {
            let settings = preset.settings(backbone, &[]).expect("settings");
            let config = &settings.config;
            config
                .check(&config.resolved_network())
                .expect("settings that work");
            let regions = settings.labels.as_ref().and_then(LabelSet::regions);
            let sigmoid = config.loss.activation == Activation::Sigmoid;
            assert_eq!(regions.is_some(), sigmoid, "{preset} {backbone}");
            // What a run writes is what it reads.
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
    assert_eq!(
        (synapse.config.patch, synapse.config.batch_size),
        ([96; 3], 4)
    );
    let acdc = settings(Preset::Acdc, Backbone::Nnformer).config;
    assert_eq!(acdc.backbone, Backbone::NnformerAcdc);
    assert_eq!((acdc.patch, acdc.batch_size), ([14, 160, 160], 4));
    assert_eq!((acdc.iterations, acdc.learning_rate), (250_000, 0.01));
    let tumour = settings(Preset::Brats17, Backbone::Nnformer);
    assert_eq!(tumour.labels.expect("labels").outputs(), 4);
    let brats = settings(Preset::Brats21, Backbone::SwinUnetr);
    assert_eq!(brats.labels.expect("labels").outputs(), 3);
}
