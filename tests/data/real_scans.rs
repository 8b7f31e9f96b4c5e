//! Real scans, where available (they are not part of the repository): sizes, orientation and sums over voxels against
//! nibabel 5.4.2.

use std::path::PathBuf;

use medcontext_core::dataset::{Case, DatasetJson, LabelSet, Split, pair};
use medcontext_core::volume::{Form, Image, LabelImage, Limits};
use medcontext_tests::announce;

/// A path of the real scans; `None`, with a message, if not available.
pub fn data(path: &str) -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")).join(path);
    if path.exists() {
        return Some(path);
    }
    announce(&format!("skipped: {} is not here", path.display()));
    None
}

/// A real scan, as it is on disk.
pub fn bytes(path: &str) -> Option<Vec<u8>> {
    data(&format!("{path}.nii.gz")).map(|path| std::fs::read(path).expect("readable"))
}

fn read(path: &str) -> Option<Image> {
    bytes(path).map(|bytes| Image::read(&bytes, &Limits::default()).expect(path))
}

/// File, size, orientation, spacing, sum of the values, and sum weighted by position (index in
/// canonical order modulo 1009), which a flip or a swap of axes would change.
type Expected = (&'static str, [usize; 3], &'static str, [f64; 3], f64, f64);

const SCANS: [Expected; 15] = [
    (
        "nifti-variety/FLAIR",
        [124, 160, 140],
        "RAS",
        [1.0, 1.0, 1.0],
        115231646.0,
        58078855930.0,
    ),
    (
        "nifti-variety/avg152T1_RL_nifti",
        [91, 109, 91],
        "RAS",
        [2.0, 2.0, 2.0],
        74825382.0,
        37694975083.0,
    ),
    (
        "nifti-variety/draw",
        [79, 67, 64],
        "AIL",
        [2.389754, 2.366486, 2.385232],
        1337.0,
        707034.0,
    ),
    (
        "nifti-variety/hippo",
        [91, 109, 91],
        "LAS",
        [2.0, 2.0, 2.0],
        4698.0,
        2387070.0,
    ),
    (
        "nifti-variety/lesion",
        [124, 160, 140],
        "RAS",
        [1.0, 1.0, 1.0],
        68124.0,
        34172973.0,
    ),
    ("nifti-variety/low_res", [7, 5, 3], "RAS", [2.0, 2.0, 2.0], 53.0, 2756.0),
    (
        "nifti-variety/minimal",
        [64, 64, 10],
        "LAS",
        [3.0, 3.0, 3.0],
        1290240.0,
        642502116.0,
    ),
    (
        "nifti-variety/shear",
        [306, 422, 54],
        "RAS",
        [0.482422, 0.482422, 2.370809],
        -5577896244.733097,
        -2811134980794.5454,
    ),
    (
        "nifti-variety/torsoLabel",
        [384, 320, 89],
        "RAS",
        [0.782, 0.782, 5.0],
        5458798.0,
        2750403601.0,
    ),
    (
        "ct/example_ct",
        [122, 101, 112],
        "RAS",
        [3.0, 3.0, 3.0],
        -496851173.0,
        -250255835377.0,
    ),
    (
        "ct/example_ct_sm",
        [122, 101, 30],
        "RAS",
        [3.0, 3.0, 3.0],
        -130894872.0,
        -65823730312.0,
    ),
    (
        "ct/example_mr_sm",
        [117, 91, 20],
        "LPS",
        [3.0, 3.0, 3.0],
        41238711.0,
        20764617688.0,
    ),
    (
        "ct/example_seg",
        [122, 101, 30],
        "RAS",
        [3.0, 3.0, 3.0],
        2734697.0,
        1378182272.0,
    ),
    (
        "hippocampus/imagesTr/hippocampus_001",
        [35, 51, 35],
        "RAS",
        [1.0, 1.0, 1.0],
        3968524.0,
        1998928314.0,
    ),
    (
        "hippocampus/labelsTr/hippocampus_243",
        [34, 53, 24],
        "RAS",
        [1.0, 1.0, 1.0],
        4491.0,
        2285132.0,
    ),
];

#[test]
fn scans_are_read_as_nibabel_reads_them() {
    for (path, dims, orientation, spacing, sum, weighted) in SCANS {
        let Some(image) = read(path) else { continue };
        assert_eq!(image.grid().dims, dims, "{path}");
        assert_eq!(image.grid().orientation(), orientation, "{path}");
        for (found, expected) in image.grid().spacing().iter().zip(spacing) {
            assert!((found - expected).abs() < 1e-6, "{path}: {found} mm");
        }
        let values = image.canonical();
        let (mut total, mut by_place) = (0.0, 0.0);
        for (index, &value) in values.iter().enumerate() {
            total += f64::from(value);
            by_place += f64::from(value) * (index % 1009) as f64;
        }
        // Values are f32 here and f64 there; only `shear` has fractions.
        assert!((total - sum).abs() <= 1e-7 * sum.abs(), "{path}: {total}");
        assert!(
            (by_place - weighted).abs() <= 1e-7 * weighted.abs(),
            "{path}: {by_place}"
        );
    }
}

#[test]
fn odd_scans_say_what_is_odd() {
    if let Some(image) = read("nifti-variety/minimal") {
        assert_eq!(image.grid().form, Form::None);
    }
    if let Some(image) = read("nifti-variety/FLAIR") {
        assert!((image.grid().oblique_degrees() - 18.979).abs() < 1e-3);
    }
    if let Some(image) = read("nifti-variety/shear") {
        assert!((image.grid().oblique_degrees() - 18.5).abs() < 1e-3);
        assert!((image.grid().voxel_ml() - 0.000523248).abs() < 1e-9);
    }
    if let Some(image) = read("nifti-variety/FLAIR") {
        let refused = LabelImage::from_image(read("nifti-variety/shear").expect("beside FLAIR"));
        assert!(refused.is_err());
        // 8-bit intensities are integers: nothing says that they are not labels.
        assert!(LabelImage::from_image(image).is_ok());
    }
}

#[test]
fn labels_of_a_ct() {
    let Some(image) = read("ct/example_seg") else {
        return;
    };
    let label = LabelImage::from_image(image).expect("labels");
    assert_eq!(label.names()[&5], "liver");
    let volumes = label.volumes_ml();
    let of = |id| volumes.iter().find(|(other, _)| *other == id).expect("present").1;
    // Voxel counts from nibabel, 0.027 mL each.
    assert!((of(5) - 38634.0 * 0.027).abs() < 1e-6);
    assert!((of(52) - 997.0 * 0.027).abs() < 1e-6);
    let written = label.to_nifti();
    let again = LabelImage::from_image(Image::read(&written, &Limits::default()).expect("readable"));
    let again = again.expect("labels");
    assert_eq!((again.labels(), again.grid()), (label.labels(), label.grid()));
    assert_eq!(again.names(), label.names());

    let ct = read("ct/example_ct_sm").expect("beside the labels");
    let case = Case::new("ct", ct, Some(label.clone())).expect("same grid");
    assert!(case.warnings().is_empty(), "{:?}", case.warnings());
    let set = LabelSet::from_cases([&case], &Default::default()).expect("labels");
    assert_eq!(set.names()[set.class_of(52).expect("aorta")], "aorta");
    assert_eq!(
        set.decode(set.encode(label.canonical().view()).view()),
        label.canonical()
    );
}

#[test]
fn the_hippocampus_data_set() {
    let Some(root) = data("hippocampus") else {
        return;
    };
    let json = std::fs::read_to_string(root.join("dataset.json")).expect("dataset.json");
    let mut paths = Vec::new();
    for folder in ["imagesTr", "labelsTr"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("a folder") {
            let name = entry.expect("an entry").file_name();
            paths.push(format!("{folder}/{}", name.to_string_lossy()));
        }
    }
    let json = DatasetJson::parse("dataset.json", json.as_bytes());
    let pairing = pair(&paths, Some(&json));
    assert_eq!((pairing.cases.len(), pairing.leftovers.len()), (220, 0));
    // The names alone say the same.
    assert_eq!(pair(&paths, None), pairing);

    let lists = std::fs::read_to_string(root.join("splits.json")).expect("splits.json");
    let select = |list| {
        let split = Split::from_json("splits.json", lists.as_bytes(), list).expect("a list");
        split.select(&pairing.cases).expect("all are there")
    };
    assert_eq!(
        (select("train").len(), select("val").len(), select("fewshot5").len()),
        (200, 20, 5)
    );
    let cases: Vec<Case> = select("fewshot5")
        .iter()
        .map(|files| {
            let image = read(&format!("hippocampus/imagesTr/{}", files.id)).expect("an image");
            let label = read(&format!("hippocampus/labelsTr/{}", files.id)).expect("a label map");
            let label = LabelImage::from_image(label).expect("labels");
            Case::new(files.id.clone(), image, Some(label)).expect("a pair")
        })
        .collect();
    let set = LabelSet::from_cases(&cases, &json.names).expect("labels");
    assert_eq!(set.names(), ["background", "Anterior", "Posterior"]);
}
