//! Voxels that are not labeled: in label sets, files, fingerprints, resampling, warps and measures.

use std::collections::BTreeMap;

use futures::executor::block_on;
use medcontext_core::Error;
use medcontext_core::dataset::{Case, CaseFingerprint, DatasetJson, LabelSet, Library, Reading, read_case};
use medcontext_core::loss::IGNORED;
use medcontext_core::metric::{CaseScore, Protocol, Targets};
use medcontext_core::transform::{Normalization, Prepared, Preprocessing, Resampling, Spacing, Warp};
use medcontext_core::volume::{AxisOrder, Image, LabelImage, Limits, SliceAxis};
use medcontext_tests::reference;
use ndarray::{Array3, Array4, array};

use crate::nifti_file::{bytes_file, counting};
use crate::resampling::{image, made_up, scaled};

const DIMS: [usize; 3] = [2, 3, 4];

fn scan() -> Image {
    Image::read(&counting(DIMS.map(|side| side as i16)), &Limits::default()).expect("an image")
}

/// A label map whose first voxels have these labels, with names in its header.
fn map(labels: &[u16], names: &[(u16, &str)]) -> LabelImage {
    let mut voxels = vec![0; 24];
    voxels[..labels.len()].copy_from_slice(labels);
    let names: BTreeMap<u16, String> = names.iter().map(|&(id, name)| (id, name.to_owned())).collect();
    LabelImage::on_voxels(voxels, &scan(), &names).expect("a map")
}

fn case(label: LabelImage) -> Case {
    Case::new("a", scan(), Some(label)).expect("a case")
}

#[test]
fn an_ignored_id_is_no_label_wherever_it_is_named() {
    let none = BTreeMap::new();
    let declared = BTreeMap::from([(9, "Ignore".to_owned()), (2, "liver".to_owned())]);
    for (label, names) in [
        (map(&[2, 9, 5], &[]).with_ignored(9), &none),
        (map(&[2, 9, 5], &[(9, "IGNORE")]), &none),
        (map(&[2, 9, 5], &[]), &declared),
    ] {
        let case = case(label);
        let set = LabelSet::from_cases([&case], names).expect("labels");
        assert_eq!((set.ids(), set.ignore()), (&[0, 2, 5][..], Some(9)));
        assert_eq!((set.classes(), set.outputs()), (3, 3));
        let same = LabelSet::from_fingerprints(&[CaseFingerprint::of(&case)], names).expect("labels");
        assert_eq!(same, set);
        assert_eq!(
            set.encode(array![[[0, 2, 5, 9, 7]]].view()),
            array![[[0, 1, 2, IGNORED, 0]]]
        );
        // Never predicted.
        assert_eq!(set.decode(array![[[2, IGNORED]]].view()), array![[[5, 0]]]);
    }
    // An id that does not occur is not written anywhere.
    let set = LabelSet::from_cases([&case(map(&[2], &[]).with_ignored(9))], &none).expect("labels");
    assert_eq!(set.ignore(), None);
}

#[test]
fn a_label_set_keeps_its_ignored_id_in_files() {
    let plain = LabelSet::from_ids([1, 2], &BTreeMap::new()).expect("labels");
    let text = |set: &LabelSet| serde_json::to_string(set).expect("JSON");
    assert!(!text(&plain).contains("ignore"));
    let set = plain.clone().with_ignore(7).expect("free");
    let read = |text: &str| serde_json::from_str::<LabelSet>(text);
    assert_eq!(read(&text(&set)).expect("the same set"), set);
    assert_ne!(set, plain);
    for learned in [0, 2] {
        assert!(plain.clone().with_ignore(learned).is_err());
    }
    assert!(read(&text(&set).replace("\"ignore\":7", "\"ignore\":2")).is_err());
    let most = |count: u16| LabelSet::from_ids(1..=count, &BTreeMap::new()).expect("labels");
    assert!(most(254).with_ignore(1000).is_ok());
    let refused = most(255).with_ignore(1000).expect_err("no class index is left");
    assert!(refused.to_string().contains("254"), "{refused}");
}

/// Reads the case of a library of one scan and its label map.
fn read(library: &Library<Vec<u8>>) -> Case {
    let pairing = library.pairing();
    let files = &pairing.cases[0];
    let fetch = async |path: &str| Ok::<_, Error>(library.file(path).expect("a file").clone());
    let reading = block_on(read_case(files, &library.read_options(files), fetch));
    reading.and_then(Reading::whole).expect("a case")
}

#[test]
fn a_library_knows_what_is_ignored() {
    let mut library = Library::default();
    library.add("a.nii", counting([2, 3, 4]));
    let mut voxels = [0; 24];
    voxels[..3].copy_from_slice(&[1, 3, 4]);
    library.add("a_seg.nii", bytes_file([2, 3, 4], &voxels));
    library.refresh();
    assert_eq!(read(&library).label.expect("labeled").present(), [1, 3, 4]);
    // nnU-Net's form, then Decathlon's: cases are read again when it changes.
    for (json, ignored, present) in [
        (
            r#"{"labels": {"background": 0, "liver": 1, "ignore": 4}}"#,
            Some(4),
            vec![1, 3],
        ),
        (
            r#"{"labels": {"0": "background", "1": "liver", "3": "Ignore"}}"#,
            Some(3),
            vec![1, 4],
        ),
        (r#"{"labels": {"0": "background"}}"#, None, vec![1, 3, 4]),
    ] {
        library.add_dataset_json("dataset.json", json.as_bytes(), json.as_bytes().to_vec());
        assert_eq!(library.refresh().changed.len(), 1, "{json}");
        let label = read(&library).label.expect("labeled");
        assert_eq!((label.ignored(), label.present()), (ignored, present), "{json}");
    }
    // A choice comes first.
    library.ignore_label(Some(1));
    assert_eq!(library.refresh().changed.len(), 1);
    assert_eq!(read(&library).label.expect("labeled").present(), [3, 4]);
    library.ignore_label(None);
    library.count_labeled_slices(Some(SliceAxis::Axial));
    let label = read(&library).label.expect("labeled");
    // Three labels in the first of four slices of six voxels.
    let ignored = label.labels().iter().filter(|&&label| label == u16::MAX);
    assert_eq!((label.present(), ignored.count()), (vec![1, 3, 4], 18));
    assert!(label.labels()[..6].contains(&0));
}

#[test]
fn another_choice_than_dataset_jsons_is_not_learned_silently() {
    let json = DatasetJson::parse("dataset.json", br#"{"labels": {"background": 0, "a": 1, "ignore": 2}}"#);
    assert_eq!(json.ignore, Some(2));
    let set = LabelSet::from_cases([&case(map(&[1, 2, 3], &[]).with_ignored(3))], &json.names).expect("labels");
    let refused = json.check(&set).expect_err("2 would be learned").to_string();
    assert!(refused.contains("label 2 as \"ignore\""), "{refused}");
    let right = LabelSet::from_cases([&case(map(&[1, 2], &[]))], &json.names).expect("labels");
    assert!(json.check(&right).is_ok());
}

#[test]
fn facts_are_those_of_the_labels_alone() {
    let partial = CaseFingerprint::of(&case(map(&[1, 9, 9, 2], &[]).with_ignored(9)));
    let plain = CaseFingerprint::of(&case(map(&[1, 0, 0, 2], &[])));
    assert_eq!(partial.ignored, Some(9));
    let rest = CaseFingerprint {
        ignored: None,
        ..partial.clone()
    };
    assert_eq!(rest, plain);
    let stored = serde_json::to_value(&partial).expect("JSON");
    assert_eq!(
        serde_json::from_value::<CaseFingerprint>(stored).expect("the same"),
        partial
    );
    assert!(!serde_json::to_string(&plain).expect("JSON").contains("ignored"));
}

/// The highest label of the made-up volume, which is the last to be resampled there too, is ignored.
fn ignored_or(label: u8) -> u8 {
    if label == 3 { IGNORED } else { label }
}

#[test]
fn ignored_voxels_are_resampled_as_nnunet_does() {
    let (dims, values, labels) = made_up();
    let set = LabelSet::from_ids([1, 2], &BTreeMap::new()).expect("labels");
    for set in [set.clone(), set.with_ignore(3).expect("free")] {
        for change in reference("resampling")["changes"].as_array().expect("changes") {
            let triple = |key: &str| -> [f64; 3] { serde_json::from_value(change[key].clone()).expect("numbers") };
            let (image, label) = image(&values, &labels, dims, scaled(triple("spacing")));
            let mm = triple("target");
            let recipe = |rule| Preprocessing {
                axes: AxisOrder::Xyz,
                normalization: Normalization::None,
                spacing: Some(Spacing { mm, rule }),
                ..Preprocessing::default()
            };
            // Either the set or the map knows the id.
            let label = if set.ignore().is_some() {
                label
            } else {
                label.with_ignored(3)
            };
            let classes = |rule| {
                let found = Prepared::new(&[&image], Some((&label, &set)), &recipe(rule), [1; 3]);
                found.classes.expect("labeled")
            };
            let expected: Vec<u8> = serde_json::from_value(change["labels"].clone()).expect("labels");
            let expected: Vec<u8> = expected.into_iter().map(ignored_or).collect();
            let found: Vec<u8> = classes(Resampling::NnUnet).into_iter().collect();
            assert_eq!(found, expected, "{change}");
            // The nearest voxel's, whatever it is.
            let whole = LabelSet::from_ids(1..=3, &BTreeMap::new()).expect("labels");
            let plain = Prepared::new(
                &[&image],
                Some((&label.clone().with_ignored(99), &whole)),
                &recipe(Resampling::Monai),
                [1; 3],
            );
            assert_eq!(
                classes(Resampling::Monai),
                plain.classes.expect("labeled").mapv(ignored_or)
            );
        }
    }
}

#[test]
fn warps_carry_ignored_voxels() {
    let (dims, values, labels) = made_up();
    let image = Array4::from_shape_vec((1, dims[0], dims[1], dims[2]), values).expect("a volume");
    let classes = Array3::from_shape_vec(dims, labels).expect("a volume").mapv(ignored_or);
    for warp in reference("resampling")["warps"].as_array().expect("warps") {
        let triple = |key: &str| -> [usize; 3] { serde_json::from_value(warp[key].clone()).expect("numbers") };
        let angles: [f64; 3] = serde_json::from_value(warp["angles"].clone()).expect("angles");
        let kept = warp["kept"].as_u64().map(|axis| axis as usize);
        let warped = Warp::new(angles, warp["zoom"].as_f64().expect("a zoom"), kept);
        let (_, found) = warped.cut(image.view(), classes.view(), triple("corner"), triple("patch"));
        let expected: Vec<u8> = serde_json::from_value(warp["labels"].clone()).expect("labels");
        let expected: Vec<u8> = expected.into_iter().map(ignored_or).collect();
        assert_eq!(found.into_iter().collect::<Vec<u8>>(), expected, "{angles:?}");
    }
}

#[test]
fn measures_leave_out_what_the_truth_ignores() {
    // A line of voxels: one of two is found, a false positive counts, what lies in ignored voxels does not.
    let truth = map(&[1, 1, 0, 9, 9, 9], &[]);
    let prediction = map(&[1, 0, 1, 1, 2, 0], &[]);
    let score = |truth: &LabelImage| {
        let targets = Targets::default();
        targets
            .score("a", &prediction, truth, Protocol::default())
            .expect("one grid")
    };
    let known = score(&truth.clone().with_ignored(9));
    let ids: Vec<u16> = known.labels.iter().map(|score| score.label).collect();
    assert_eq!(ids, [1, 2]);
    assert_eq!(known.labels[0].dice, Some(0.5));
    assert_eq!((known.labels[0].ml_predicted, known.labels[0].ml_true), (0.002, 0.002));
    // Label 2 is predicted in ignored voxels alone.
    assert_eq!((known.labels[1].dice, known.labels[1].ml_predicted), (None, 0.0));
    let background = map(&[1, 1], &[]);
    let cut = map(&[1, 0, 1], &[]);
    let expected = Targets::default()
        .score("a", &cut, &background, Protocol::default())
        .expect("one grid");
    assert_eq!(known.labels[0], expected.labels[0]);
    assert_ne!(score(&truth).labels[0], expected.labels[0]);
    // The same by a label set, for files and arrays.
    let set = LabelSet::from_ids([1, 2], &BTreeMap::new())
        .and_then(|set| set.with_ignore(9))
        .expect("labels");
    let of_images = CaseScore::of_images("a", &prediction, &truth, &set, Protocol::default()).expect("one grid");
    assert_eq!(of_images, known);
    let arrays = (prediction.canonical(), truth.canonical());
    let spacing = truth.grid().canonical_spacing();
    let of_arrays = CaseScore::new(
        "a",
        arrays.0.view(),
        arrays.1.view(),
        spacing,
        &set,
        Protocol::default(),
    );
    assert_eq!(of_arrays.expect("one shape").labels[0].dice, Some(0.5));
    // And in the map of differences: one voxel missed, one extra.
    let difference = prediction.difference(&truth.with_ignored(9)).expect("one grid");
    assert_eq!(
        difference.labels()[..6],
        [0, LabelImage::MISSED, LabelImage::EXTRA, 0, 0, 0]
    );
}
