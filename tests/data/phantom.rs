//! Synthetic scans.

use std::collections::BTreeSet;

use medcontext_core::dataset::{Case, DatasetJson, PHANTOM_LABELS, PhantomConfig, pair, phantom, phantom_dataset_json};
use medcontext_core::volume::{Image, LabelImage, Limits, Voxels};

fn cases(config: &PhantomConfig) -> Vec<Case> {
    let read = |bytes: &[u8]| Image::read(bytes, &Limits::default()).expect("readable");
    phantom(config)
        .into_iter()
        .map(|case| {
            let label = LabelImage::from_image(read(&case.label)).expect("labels");
            Case::new(case.name, read(&case.image), Some(label)).expect("a pair")
        })
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let config = PhantomConfig {
        cases: 3,
        ..PhantomConfig::default()
    };
    let first = phantom(&config);
    assert_eq!(phantom(&config), first);
    // A case does not depend on the number of cases.
    assert_eq!(phantom(&PhantomConfig { cases: 1, ..config }), first[..1]);
    let other = phantom(&PhantomConfig { seed: 1, ..config });
    assert!(
        other
            .iter()
            .zip(&first)
            .all(|(a, b)| a.image != b.image && a.label != b.label)
    );
}

#[test]
fn scans_look_like_scans() {
    let cases = cases(&PhantomConfig {
        cases: 5,
        ..PhantomConfig::default()
    });
    let orientations: Vec<String> = cases.iter().map(|case| case.image.grid().orientation()).collect();
    assert_eq!(orientations, ["RAS", "LPS", "LAS", "PIR", "RAS"]);
    assert!((cases[4].image.grid().oblique_degrees() - 16.26).abs() < 0.01);
    let mut spacings = BTreeSet::new();
    for case in &cases {
        assert!(case.warnings().is_empty(), "{:?}", case.warnings());
        assert!(matches!(case.image.voxels(), Voxels::I16(_)));
        let grid = case.image.grid();
        assert!(grid.dims.iter().all(|size| (24..=40).contains(size)), "{:?}", grid.dims);
        let [depth, height, width] = grid.canonical_spacing();
        assert!(
            (height - width).abs() < 1e-5 && (depth - width).abs() > 0.1,
            "{depth} {height} {width}"
        );
        spacings.insert(format!("{width:.2}"));

        let label = case.label.as_ref().expect("labeled");
        assert_eq!(label.present(), PHANTOM_LABELS.map(|(id, _)| id));
        let (values, labels) = (case.image.canonical(), label.canonical());
        for (id, hu) in [(1, 112.0), (2, 185.0)] {
            let of_label: Vec<f32> = values
                .iter()
                .zip(&labels)
                .filter(|(_, label)| **label == id)
                .map(|(value, _)| *value)
                .collect();
            let mean = of_label.iter().sum::<f32>() / of_label.len() as f32;
            assert!((mean - hu).abs() < 35.0, "label {id} of {}: {mean} HU", case.id);
            assert!(
                of_label.len() > 200,
                "label {id} of {}: {} voxels",
                case.id,
                of_label.len()
            );
        }
        // The liver is on the patient's right and the corners are air.
        let side = |(index, _): &((usize, usize, usize), &u16)| index.2 as f64;
        let liver: Vec<f64> = labels
            .indexed_iter()
            .filter(|(_, label)| **label == 1)
            .map(|item| side(&item))
            .collect();
        let middle = labels.shape()[2] as f64 / 2.0;
        assert!(liver.iter().sum::<f64>() / liver.len() as f64 > middle, "{}", case.id);
        assert!(values[[0, 0, 0]] < -900.0);
    }
    assert!(spacings.len() > 2, "{spacings:?}");
}

#[test]
fn any_size_works() {
    for voxels in [(0, 0), (2, 2), (3, 9), (16, 16), (40, 24), (64, 72)] {
        let scans = phantom(&PhantomConfig {
            cases: 1,
            seed: 3,
            voxels,
        });
        assert!(Image::read(&scans[0].image, &Limits::default()).is_ok(), "{voxels:?}");
    }
}

#[test]
fn its_dataset_json_describes_it() {
    let (training, test) = (["p_1".to_owned(), "p_2".to_owned()], ["p_3".to_owned()]);
    let json = phantom_dataset_json(&training, &test);
    assert_eq!(DatasetJson::parse("dataset.json", json.as_bytes()).names[&2], "kidney");
    let files = [
        "imagesTr/p_1",
        "imagesTr/p_2",
        "labelsTr/p_1",
        "labelsTr/p_2",
        "imagesTs/p_3",
    ];
    let pairing = pair(
        &files.map(|file| format!("{file}.nii.gz")),
        Some(&DatasetJson::parse("dataset.json", json.as_bytes())),
    );
    assert!(pairing.leftovers.is_empty());
    let labeled: Vec<bool> = pairing.cases.iter().map(|case| case.label.is_some()).collect();
    assert_eq!(labeled, [true, true, false]);
}
