//! Layouts that occur in practice: the cases of a folder, their roles, and why a file was not used.

mod names;

use medcontext_core::dataset::{CaseFiles, DatasetJson, Pairing, Role, pair};

fn pairing(paths: &[&str], json: Option<&str>) -> Pairing {
    let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
    let json = json.map(|json| {
        let file = DatasetJson::find(&paths).map_or("dataset.json", String::as_str);
        DatasetJson::parse(file, json.as_bytes())
    });
    let found = pair(&paths, json.as_ref());
    // Every file except hidden ones belongs to a case, or is left over with a reason.
    for path in paths.iter().filter(|path| !path.contains("/.")) {
        let used = found.cases.iter().any(|case| case.names().any(|name| name == path));
        let left = found.leftovers.iter().any(|leftover| leftover.path == *path);
        let read = json.as_ref().is_some_and(|json| json.file == *path);
        assert!(used != left || read, "{path}: used {used}, left over {left}");
    }
    found
}

/// `id role: image [+ other channels] = label`.
fn lines(found: &Pairing) -> Vec<String> {
    let line = |case: &CaseFiles| {
        let role = match case.role() {
            Role::Train => "train",
            Role::Validate => "validate",
            Role::Predict => "predict",
        };
        let images: Vec<&str> = case.image_files().map(String::as_str).collect();
        let label = case.label.as_ref().map_or(String::new(), |label| format!(" = {label}"));
        format!("{} {role}: {}{label}", case.id, images.join(" + "))
    };
    found.cases.iter().map(line).collect()
}

fn left(found: &Pairing) -> Vec<String> {
    let leftovers = found.leftovers.iter();
    leftovers
        .map(|leftover| format!("{}: {}", leftover.path, leftover.reason))
        .collect()
}

#[track_caller]
fn check(paths: &[&str], expected: &[&str]) {
    let found = pairing(paths, None);
    assert_eq!(lines(&found), expected);
    assert!(found.leftovers.is_empty(), "{:?}", found.leftovers);
}

#[test]
fn nnunet_imagests_given_directly() {
    check(
        &[
            "imagesTs/c3_0000.nii.gz",
            "imagesTs/c3_0001.nii.gz",
            "imagesTs/c4_0000.NII.GZ",
            "imagesTs/c4_0001.nii.gz",
        ],
        &[
            "c3 predict: imagesTs/c3_0000.nii.gz + imagesTs/c3_0001.nii.gz",
            "c4 predict: imagesTs/c4_0000.NII.GZ + imagesTs/c4_0001.nii.gz",
        ],
    );
    check(&["imagesTs/c3_0000.nii.gz"], &["c3 predict: imagesTs/c3_0000.nii.gz"]);
    // Elsewhere numbers are part of the name.
    check(
        &["scans/c_0000.nii.gz", "scans/c_0001.nii.gz"],
        &[
            "c_0000 predict: scans/c_0000.nii.gz",
            "c_0001 predict: scans/c_0001.nii.gz",
        ],
    );
}

#[test]
fn channels_with_gaps_or_fewer_than_named_are_left_over() {
    let json = r#"{"channel_names": {"0": "T1", "1": "T2"}}"#;
    let found = pairing(
        &[
            "d/dataset.json",
            "d/imagesTr/a_0000.nii",
            "d/imagesTr/a_0001.nii",
            "d/labelsTr/a.nii",
            "d/imagesTr/b_0000.nii",
            "d/labelsTr/b.nii",
            "d/imagesTr/c_0001.nii",
            "d/labelsTr/c.nii",
        ],
        Some(json),
    );
    assert_eq!(
        lines(&found),
        ["a train: d/imagesTr/a_0000.nii + d/imagesTr/a_0001.nii = d/labelsTr/a.nii"]
    );
    let said = left(&found);
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(
        said[0].starts_with("d/imagesTr/b_0000.nii: case b has the channels 0 of the 2 that dataset.json names"),
        "{said:?}"
    );
    assert!(
        said[1].starts_with("d/imagesTr/c_0001.nii: case c has the channels 1; number them from 0"),
        "{said:?}"
    );
}

#[test]
fn equal_names_in_training_and_test_do_not_collide() {
    check(
        &[
            "d/imagesTr/c1.nii",
            "d/labelsTr/c1.nii",
            "d/imagesTs/c1.nii",
            "d/labelsTs/c1.nii",
        ],
        &[
            "c1 train: d/imagesTr/c1.nii = d/labelsTr/c1.nii",
            "imagesTs_c1 predict: d/imagesTs/c1.nii = d/labelsTs/c1.nii",
        ],
    );
    check(
        &["d/imagesTr/c1_0000.nii", "d/labelsTr/c1.nii", "d/imagesTs/c1_0000.nii"],
        &[
            "c1 train: d/imagesTr/c1_0000.nii = d/labelsTr/c1.nii",
            "imagesTs_c1 predict: d/imagesTs/c1_0000.nii",
        ],
    );
}

#[test]
fn test_and_validation_cases_are_not_for_training() {
    check(
        &[
            "d/imagesTr/a.nii",
            "d/labelsTr/a.nii",
            "d/imagesVal/b.nii",
            "d/labelsVal/b.nii",
            "d/imagesTs/c.nii",
            "d/labelsTs/c.nii",
        ],
        &[
            "a train: d/imagesTr/a.nii = d/labelsTr/a.nii",
            "b validate: d/imagesVal/b.nii = d/labelsVal/b.nii",
            "c predict: d/imagesTs/c.nii = d/labelsTs/c.nii",
        ],
    );
    // Folders with other names, as in ACDC and on Kaggle.
    check(
        &[
            "d/train/images/a.nii",
            "d/train/labels/a.nii",
            "d/test/images/b.nii",
            "d/test/labels/b.nii",
        ],
        &[
            "a train: d/train/images/a.nii = d/train/labels/a.nii",
            "b predict: d/test/images/b.nii = d/test/labels/b.nii",
        ],
    );
    // BTCV: all in imagesTr, told apart by the lists of dataset_0.json.
    let json = r#"{"training": [{"image": "imagesTr/img0001.nii.gz", "label": "labelsTr/label0001.nii.gz"}],
        "validation": [{"image": "imagesTr/img0035.nii.gz", "label": "labelsTr/label0035.nii.gz"}],
        "test": ["imagesTs/img0061.nii.gz"]}"#;
    let found = pairing(
        &[
            "btcv/dataset_0.json",
            "btcv/imagesTr/img0001.nii.gz",
            "btcv/imagesTr/img0035.nii.gz",
            "btcv/labelsTr/label0001.nii.gz",
            "btcv/labelsTr/label0035.nii.gz",
            "btcv/imagesTs/img0061.nii.gz",
        ],
        Some(json),
    );
    assert_eq!(
        lines(&found),
        [
            "img0001 train: btcv/imagesTr/img0001.nii.gz = btcv/labelsTr/label0001.nii.gz",
            "img0035 validate: btcv/imagesTr/img0035.nii.gz = btcv/labelsTr/label0035.nii.gz",
            "img0061 predict: btcv/imagesTs/img0061.nii.gz",
        ]
    );
    assert!(found.leftovers.is_empty(), "{:?}", found.leftovers);
}

#[test]
fn a_root_of_any_name_says_nothing() {
    for root in ["labels", "gt", "test", "images", "MR"] {
        let path = |file: &str| format!("{root}/{file}");
        let files = [path("a.nii"), path("a_seg.nii")];
        let found = pair(&files, None);
        assert_eq!(lines(&found), [format!("a train: {} = {}", files[0], files[1])]);
    }
}

#[test]
fn kits_and_folders_for_each_case() {
    check(
        &[
            "d/case_00000/imaging.nii.gz",
            "d/case_00000/segmentation.nii.gz",
            "d/case_00001/imaging.nii.gz",
        ],
        &[
            "case_00000 train: d/case_00000/imaging.nii.gz = d/case_00000/segmentation.nii.gz",
            "case_00001 predict: d/case_00001/imaging.nii.gz",
        ],
    );
}

#[test]
fn monai_label_keeps_labels_below_the_images() {
    let found = pairing(
        &[
            "app/c1.nii.gz",
            "app/c2.nii.gz",
            "app/labels/final/c1.nii.gz",
            "app/labels/original/c1.nii.gz",
            "app/labels/original/c2.nii.gz",
        ],
        None,
    );
    assert_eq!(
        lines(&found),
        [
            "c1 train: app/c1.nii.gz = app/labels/final/c1.nii.gz",
            "c2 train: app/c2.nii.gz = app/labels/original/c2.nii.gz",
        ]
    );
    assert_eq!(
        left(&found),
        ["app/labels/original/c1.nii.gz: its image already has the label map app/labels/final/c1.nii.gz"]
    );
}

#[test]
fn one_file_a_structure_is_said_or_combined() {
    let paths = [
        "d/s0000/ct.nii.gz",
        "d/s0000/segmentations/liver.nii.gz",
        "d/s0000/segmentations/spleen.nii.gz",
        "d/s0001/ct.nii.gz",
        "d/s0001/segmentations/aorta.nii.gz",
        "d/s0001/segmentations/liver.nii.gz",
    ];
    let mut found = pairing(&paths, None);
    assert_eq!(
        lines(&found),
        ["s0000 predict: d/s0000/ct.nii.gz", "s0001 predict: d/s0001/ct.nii.gz"]
    );
    assert_eq!(found.leftovers.len(), 4);
    assert!(
        found.leftovers[0].reason.contains("one structure of an image")
            && found.leftovers[0].reason.contains("--combine-structures")
    );

    found.combine_structures();
    assert!(found.leftovers.is_empty());
    let structures = |case: &CaseFiles| {
        let structures = case.structures.iter();
        structures
            .map(|s| format!("{} {} {}", s.id, s.name, s.path))
            .collect::<Vec<_>>()
    };
    // One id for a name, whatever a case lacks.
    assert_eq!(
        structures(&found.cases[0]),
        [
            "2 liver d/s0000/segmentations/liver.nii.gz",
            "3 spleen d/s0000/segmentations/spleen.nii.gz"
        ]
    );
    assert_eq!(
        structures(&found.cases[1]),
        [
            "1 aorta d/s0001/segmentations/aorta.nii.gz",
            "2 liver d/s0001/segmentations/liver.nii.gz"
        ]
    );
    assert_eq!(found.cases[0].role(), Role::Train);
}

#[test]
fn folders_say_what_a_file_is_before_its_name() {
    check(
        &[
            "d/imagesTr/SEG_001.nii",
            "d/labelsTr/SEG_001.nii",
            "d/imagesTr/mask-3.nii",
            "d/labelsTr/mask-3.nii",
            "d/imagesTr/gt7.nii",
            "d/labelsTr/gt7.nii",
            "d/imagesTs/SEG_009.nii",
        ],
        &[
            "SEG_001 train: d/imagesTr/SEG_001.nii = d/labelsTr/SEG_001.nii",
            "SEG_009 predict: d/imagesTs/SEG_009.nii",
            "gt7 train: d/imagesTr/gt7.nii = d/labelsTr/gt7.nii",
            "mask-3 train: d/imagesTr/mask-3.nii = d/labelsTr/mask-3.nii",
        ],
    );
    check(
        &["d/imagesTr/0144_image_0000.nii", "d/labelsTr/0144_image.nii"],
        &["0144_image train: d/imagesTr/0144_image_0000.nii = d/labelsTr/0144_image.nii"],
    );
    // Arbitrary folders with a separate one for label maps; without it the name decides.
    check(
        &["d/images/seg_1.nii", "d/labels/seg_1.nii"],
        &["seg_1 train: d/images/seg_1.nii = d/labels/seg_1.nii"],
    );
    check(
        &["d/scans/a.nii", "d/scans/a_seg.nii"],
        &["a train: d/scans/a.nii = d/scans/a_seg.nii"],
    );
}
