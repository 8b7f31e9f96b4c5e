//! Images with labels, label sets and splits.

use std::collections::BTreeMap;

use medcontext_core::dataset::{Case, CaseFiles, DatasetJson, LabelSet, Split};
use medcontext_core::metric::{CaseScore, Protocol};
use medcontext_core::volume::{Image, LabelImage, Limits};
use ndarray::{Array3, array};

use crate::nifti_file::{F32, NiftiFile, U8, bytes_file, counting, f32_bytes, field};

fn image() -> Image {
    Image::read(&counting([2, 3, 4]), &Limits::default()).expect("an image")
}

fn labels(bytes: &[u8]) -> LabelImage {
    let image = Image::read(bytes, &Limits::default()).expect("readable");
    LabelImage::from_image(image).expect("labels")
}

fn case(id: &str, ids: &[u8]) -> Case {
    let mut voxels = [0; 24];
    voxels[..ids.len()].copy_from_slice(ids);
    Case::new(id, image(), Some(labels(&bytes_file([2, 3, 4], &voxels)))).expect("a pair")
}

#[test]
fn a_label_map_without_labels_makes_a_case_without_structures() {
    assert!(case("a", &[1]).warnings().is_empty());
    let empty = labels(&bytes_file([2, 3, 4], &[0; 24]));
    let healthy = Case::new("a", image(), Some(empty)).expect("a case");
    assert_eq!(
        healthy.warnings(),
        ["the label map holds only background (0); the case is used as one without any of the structures"]
    );
    // Some labeled cases suffice, none do not.
    let set = LabelSet::from_cases([&healthy, &case("b", &[3])], &BTreeMap::new()).expect("labels");
    assert_eq!(set.ids(), [0, 3]);
    let refused = LabelSet::from_cases([&healthy], &BTreeMap::new()).expect_err("nothing to learn");
    assert_eq!(
        refused.to_string(),
        "every label map holds only background (0); label something in at least one of them"
    );
}

#[test]
fn labels_stored_as_floats_are_rounded() {
    let float = labels(&NiftiFile::new(&[2, 3, 4], F32).with(&f32_bytes([1.0; 24])));
    let rounded = Case::new("a", image(), Some(float)).expect("a pair");
    assert_eq!(
        rounded.warnings(),
        ["label map: the labels are stored as scaled or floating-point values and were rounded"]
    );
}

#[test]
fn files_are_compared_in_mm_of_their_grid() {
    // A labeled voxel, moved by two voxels along one axis: i is 0.5 mm, j 1.5 mm, k 4 mm.
    for (step, mm) in [(2, 1.0), (2 * 3, 3.0), (2 * 12, 8.0)] {
        let map = |index: usize| {
            let mut file = NiftiFile::new(&[3, 4, 5], U8);
            file.f32s(
                field::SROW_X,
                &[0.0, 0.0, -4.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 1.5, 0.0, 0.0],
            );
            let mut voxels = [0; 60];
            voxels[index] = 7;
            labels(&file.with(&voxels))
        };
        let set = LabelSet::from_ids([7], &BTreeMap::new()).expect("one label");
        let scores = CaseScore::of_images("a", &map(12), &map(12 + step), &set, Protocol::default());
        let score = &scores.expect("one shape").labels[0];
        assert_eq!(
            (score.dice, score.hd95_mm, score.hd95_voxels),
            (Some(0.0), Some(mm), Some(2.0))
        );
        assert!((score.ml_true - 0.003).abs() < 1e-9 && (score.ml_predicted - 0.003).abs() < 1e-9);
    }
}

#[test]
fn files_of_other_axes_are_turned_before_they_are_compared() {
    // 2×3×4 voxels; x runs to the left in one file and to the right in the other.
    let map = |step: f32, first: f32, voxels: [u8; 24]| {
        let mut file = NiftiFile::new(&[2, 3, 4], U8);
        file.f32s(
            field::SROW_X,
            &[step, 0.0, 0.0, first, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        );
        labels(&file.with(&voxels))
    };
    let (mut right, mut left) = ([0; 24], [0; 24]);
    right[0] = 1;
    left[1] = 1;
    let set = LabelSet::from_ids([1], &BTreeMap::new()).expect("one label");
    let dice = |prediction: &LabelImage, truth: &LabelImage| {
        let score = CaseScore::of_images("a", prediction, truth, &set, Protocol::default());
        score.expect("one shape").labels[0].dice
    };
    // At x = 0 both.
    let truth = map(1.0, 0.0, right);
    assert_eq!(dice(&map(-1.0, 1.0, left), &truth), Some(1.0));
    // Elsewhere according to its header: matched as stored.
    assert_eq!(dice(&map(-1.0, 9.0, left), &truth), Some(0.0));
    assert_eq!(dice(&map(-1.0, 9.0, right), &truth), Some(1.0));
}

#[test]
fn label_set_maps_sparse_ids_to_classes() {
    let cases = [
        case("a", &[4, 4, 2]),
        case("b", &[205]),
        Case::new("c", image(), None).expect("an image"),
    ];
    let names = BTreeMap::from([(4, "enhancing".to_owned())]);
    let set = LabelSet::from_cases(&cases, &names).expect("labels");
    assert_eq!((set.classes(), set.ids()), (4, &[0, 2, 4, 205][..]));
    assert_eq!(set.names(), ["background", "label 2", "enhancing", "label 205"]);
    assert_eq!(
        (set.class_of(205), set.class_of(0), set.class_of(3)),
        (Some(3), Some(0), None)
    );
    let ids = array![[[0, 2, 4, 205, 3, 65535]]];
    let classes = array![[[0, 1, 2, 3, 0, 0]]];
    assert_eq!(set.encode(ids.view()), classes);
    assert_eq!(set.decode(classes.view()), array![[[0, 2, 4, 205, 0, 0]]]);
    assert_eq!(set.decode(array![[[9, 255]]].view()), array![[[0, 0]]]);

    let unlabeled = LabelSet::from_cases(&cases[2..], &names).expect_err("no labels");
    assert_eq!(
        unlabeled.to_string(),
        "no case has a label map; add one next to at least one image (for example case.nii.gz and case_seg.nii.gz)"
    );
    let many = LabelSet::from_ids(0..=255, &names).expect("255 labels");
    assert_eq!(many.encode(Array3::from_elem([1, 1, 1], 255).view())[[0, 0, 0]], 255);
    assert!(LabelSet::from_ids(0..=256, &names).is_err());
}

#[test]
fn a_stored_label_set_is_checked() {
    let set = LabelSet::from_ids([7, 3], &BTreeMap::from([(3, "liver".to_owned())])).expect("two");
    let json = serde_json::to_string(&set).expect("JSON");
    assert_eq!(json, r#"{"ids":[0,3,7],"names":["background","liver","label 7"]}"#);
    assert_eq!(serde_json::from_str::<LabelSet>(&json).expect("the same"), set);
    for damaged in [
        r#"{"ids":[0,7,3],"names":["a","b","c"]}"#,
        r#"{"ids":[3,7],"names":["a","b"]}"#,
        r#"{"ids":[0,3],"names":["a"]}"#,
        r#"{"ids":[0,3],"names":["a","b","c"]}"#,
        r#"{"ids":[],"names":[]}"#,
    ] {
        assert!(serde_json::from_str::<LabelSet>(damaged).is_err(), "{damaged}");
    }
}

#[test]
fn names_in_a_dataset_json() {
    let expected = BTreeMap::from([
        (0, "background".to_owned()),
        (1, "Anterior".to_owned()),
        (2, "Posterior".to_owned()),
    ]);
    let decathlon = r#"{"labels": {"0": "background", "1": "Anterior", "2": "Posterior"}}"#;
    let nnunet = r#"{"labels": {"background": 0, "Anterior": 1, "Posterior": 2, "whole": [1, 2]}}"#;
    let names = |json: &str| DatasetJson::parse("dataset.json", json.as_bytes()).names;
    assert_eq!(names(decathlon), expected);
    assert_eq!(names(nnunet), expected);
    for none in [
        "",
        "{",
        "{}",
        "[1]",
        r#"{"labels": 3}"#,
        r#"{"labels": {"x": "y", "big": 70000}}"#,
    ] {
        assert!(names(none).is_empty(), "{none}");
    }
}

#[test]
fn splits() {
    let files = |id: &str| CaseFiles::of_image(id, format!("{id}.nii"));
    let cases = [files("a"), files("b"), files("c")];
    let json = r#"{"train": ["c", "a"], "val": ["b", "z"]}"#;
    let split = |list| Split::from_json("splits.json", json.as_bytes(), list);
    let train = split("train").expect("a list").select(&cases).expect("both are there");
    assert_eq!(
        train.iter().map(|case| case.id.as_str()).collect::<Vec<_>>(),
        ["c", "a"]
    );
    let said = |error: medcontext_core::dataset::DatasetError| error.to_string();
    assert_eq!(
        said(split("val").expect("a list").select(&cases).expect_err("no z")),
        "splits.json: list val names the case z, which is not among the scans; correct the list, or add the case"
    );
    assert_eq!(
        said(split("test").expect_err("no list")),
        "splits.json: there is no list test; it has train, val"
    );
    let bad = said(Split::from_json("splits.json", b"[1]", "train").expect_err("no lists"));
    assert!(bad.starts_with("splits.json: not a list of splits ("), "{bad}");
}
