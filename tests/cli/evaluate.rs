//! `core evaluate` on label maps written here: names of several tools, tables, parts.

use std::fs;
use std::path::Path;

use medcontext_core::metric::Evaluation;
use medcontext_core::volume::gzip;
use tempfile::TempDir;

use crate::{nifti, path, refuse, succeed};

/// Writes a 4×4×4 label map whose first voxels have the given labels.
fn map(file: &Path, labels: &[u8]) {
    let mut voxels = [0; 64];
    voxels[..labels.len()].copy_from_slice(labels);
    let bytes = nifti([3, 4, 4, 4, 1], 2, 8, &voxels);
    fs::create_dir_all(file.parent().expect("a folder")).expect("made");
    let packed = file.extension().is_some_and(|ending| ending == "gz");
    let bytes = if packed { gzip(&bytes) } else { bytes };
    fs::write(file, bytes).expect("written");
}

/// Three cases: `a` perfect, `b` half of label 1 and without label 2, `c` without labels.
fn cases(folder: &Path) -> (String, String) {
    for (truth, prediction, labels, predicted) in [
        ("a.nii.gz", "a.nii.gz", &[1, 1, 2][..], &[1, 1, 2][..]),
        ("b.nii", "B_0000.nii.gz", &[1, 1, 2], &[1]),
        ("c_seg.nii.gz", "c/c_trans.nii.gz", &[], &[]),
        ("d.nii.gz", "other.nii.gz", &[1], &[1]),
    ] {
        map(&folder.join("data/labelsTr").join(truth), labels);
        map(&folder.join("predicted").join(prediction), predicted);
    }
    let json = r#"{"labels": {"0": "background", "1": "liver", "2": "spleen"}}"#;
    fs::write(folder.join("data/dataset.json"), json).expect("written");
    (path(folder, "predicted"), path(folder, "data/labelsTr"))
}

fn assert_holds(document: &str, parts: &[&str]) {
    for part in parts {
        assert!(document.contains(part), "{part} in {document}");
    }
}

#[test]
fn tables_of_files_that_are_named_differently() {
    let folder = TempDir::new().expect("a folder");
    let (prediction, truth) = cases(folder.path());
    let [json, csv, markdown, html] = ["e.json", "e.csv", "e.md", "e.html"].map(|name| path(folder.path(), name));
    let inputs = ["evaluate", "--prediction", &prediction, "--truth", &truth];
    let tables = ["--json", &json, "--csv", &csv, "--markdown", &markdown];
    let options = ["--html", &html, "--empty", "zero", "--hd95", "max", "--unit", "mm"];
    let options = [&options[..], &["--tolerance", "0.5"]].concat();
    let told = succeed(&[&inputs[..], &tables, &options].concat());
    assert!(
        told.contains("predictions without a true label map: 1 (other.nii.gz"),
        "{told}"
    );
    assert!(
        told.contains("true label maps without a prediction: 1 (d.nii.gz"),
        "{told}"
    );
    let text = |file| fs::read_to_string(file).expect("written");
    let rows = text(&csv);
    let expected = [
        "case,label,name,dice,hd95_mm,ml_predicted,ml_true,surface_dice_0.5mm,iou,precision,recall",
        "a,1,liver,1,0,0.002,0.002,1,1,1,1",
        "a,2,spleen,1,0,0.001,0.001,1,1,1,1",
        // One voxel of two neighbors: half of the truth's distances are 0, the others 1 mm.
        // Within half a millimeter lie the prediction's voxel and one of the truth's two.
        "b,1,liver,0.6666666666666666,0.95,0.001,0.002,0.6666666666666666,0.5,1,0.5",
        "b,2,spleen,0,,0,0.001,0,0,0,0",
        "c_seg,1,liver,,,0,0,,,,",
        "c_seg,2,spleen,,,0,0,,,,",
    ];
    assert_eq!(rows.lines().collect::<Vec<_>>(), expected);
    let json: serde_json::Value = serde_json::from_str(&text(&json)).expect("JSON");
    let mean = |value: &serde_json::Value| value["mean"].as_f64().expect("a mean");
    // (1 + 2/3 + 0) / 3 and (1 + 0 + 0) / 3 by label.
    assert!((mean(&json["labels"][0]["dice"]) - 5.0 / 9.0).abs() < 1e-12);
    assert!((mean(&json["mean"]["dice"]) - 4.0 / 9.0).abs() < 1e-12);
    assert_eq!(json["protocol"]["hd95"], "max");
    assert_eq!(json["protocol"]["tolerance_mm"], 0.5);
    // (1 + 1/2 + 0) / 3.
    assert!((mean(&json["labels"][0]["recall"]) - 0.5).abs() < 1e-12);
    let row = "| liver | 0.5556 ± 0.5092 | 0.32 ± 0.55 | 0.5556 ± 0.5092 | 0.500 ± 0.500 | 0.667 ± 0.577 \
        | 0.500 ± 0.500 | 0 |";
    assert_holds(&text(&markdown), &["| Surface Dice (0.5 mm) |", row]);
    assert_holds(&told, &["Surface Dice (0.5 mm)", "surface Dice within 0.5 mm"]);
    let document = text(&html);
    let rows = [
        "<td>liver</td><td>0.5556 ± 0.5092</td><td>0.32 ± 0.55</td><td>0.5556 ± 0.5092</td>",
        "<td>b</td><td>liver</td><td>0.6667</td><td>0.95</td><td>0.6667</td><td>0.500</td><td>1.000</td>\
         <td>0.500</td><td>0.001</td><td>0.002</td>",
        "<td>c_seg</td><td>spleen</td><td>-</td><td>-</td>",
        "evaluate --prediction",
    ];
    assert_holds(&document, &rows);
}

#[test]
fn a_document_holds_the_means_from_before() {
    let folder = TempDir::new().expect("a folder");
    let (prediction, truth) = cases(folder.path());
    let [json, html] = ["e.json", "e.html"].map(|name| path(folder.path(), name));
    let first = ["evaluate", "--prediction", &prediction, "--truth", &truth];
    succeed(&[&first[..], &["--json", &json]].concat());
    let again = ["evaluate", "--prediction", &truth, "--truth", &truth];
    succeed(&[&again[..], &["--html", &html, "--before", &json]].concat());
    let document = fs::read_to_string(&html).expect("written");
    // Truth against itself, beside (1 + 2/3) / 2 and (1 + 0) / 2 by label.
    let rows = [
        "<td>1.000 ± 0.000</td><td>0.5000 ± 0.7071</td>",
        "<td>1.000 ± 0.000</td><td>0.8333 ± 0.2357</td>",
    ];
    assert_holds(&document, &rows);
}

#[test]
fn labels_are_chosen_by_id_or_name() {
    let folder = TempDir::new().expect("a folder");
    let (prediction, truth) = cases(folder.path());
    let base = ["evaluate", "--prediction", &prediction, "--truth", &truth];
    let told = succeed(&[&base[..], &["--labels", "spleen,7"]].concat());
    assert!(told.contains("spleen") && told.contains("label 7"), "{told}");
    assert!(!told.contains("liver"), "{told}");
    let told = succeed(&[&base[..], &["--preset", "acdc"]].concat());
    assert!(told.contains("myocardium") && told.contains("left ventricle"), "{told}");
    let told = succeed(&[&base[..], &["--preset", "brats21"]].concat());
    assert!(told.contains("whole tumor") && !told.contains("spleen"), "{told}");
    let sentence = refuse(&[&base[..], &["--labels", "heart"]].concat());
    assert!(
        sentence.contains("\"heart\"") && sentence.contains("1 liver"),
        "{sentence}"
    );
}

#[test]
fn regions_are_several_labels_as_one() {
    let folder = TempDir::new().expect("a folder");
    let (prediction, truth) = cases(folder.path());
    let csv = path(folder.path(), "e.csv");
    let mut arguments = vec!["evaluate", "--prediction", &prediction, "--truth", &truth];
    arguments.extend(["--regions", "whole=1+2,core=2", "--csv", &csv, "--unit", "mm"]);
    succeed(&arguments);
    let rows = fs::read_to_string(&csv).expect("written");
    // Dice and HD95 in mm. In b, one voxel of three in a row: 0, 1 and 2 mm to it, and 0 back.
    let expected = [
        ("a,1,whole", Some(1.0), Some(0.0)),
        ("a,2,core", Some(1.0), Some(0.0)),
        ("b,1,whole", Some(0.5), Some(1.85)),
        ("b,2,core", Some(0.0), None),
        ("c_seg,1,whole", None, None),
        ("c_seg,2,core", None, None),
    ];
    assert_eq!(rows.lines().count(), 1 + expected.len());
    let close = |field: Option<&str>, expected: Option<f64>| {
        let found: Option<f64> = field.and_then(|field| field.parse().ok());
        match (found, expected) {
            (Some(found), Some(expected)) => (found - expected).abs() < 1e-12,
            (found, expected) => found == expected,
        }
    };
    for (row, (start, dice, distance)) in rows.lines().skip(1).zip(expected) {
        let rest = row.strip_prefix(start).expect("the case and the region");
        let mut fields = rest.split(',').skip(1);
        assert!(close(fields.next(), dice) && close(fields.next(), distance), "{row}");
    }
}

/// Writes a mask of one voxel, or none; voxels of 0.7 × 0.9 × 5 mm.
fn write_mask(file: &Path, voxel: Option<[usize; 3]>) {
    let mut voxels = vec![0u8; 30 * 28 * 24];
    if let Some([i, j, k]) = voxel {
        voxels[i + 30 * (j + 28 * k)] = 1;
    }
    let mut bytes = nifti([3, 30, 28, 24, 1], 2, 8, &voxels);
    for (axis, side) in [0.7f32, 0.9, 5.0].into_iter().enumerate() {
        bytes[80 + 4 * axis..84 + 4 * axis].copy_from_slice(&side.to_le_bytes());
    }
    fs::create_dir_all(file.parent().expect("a folder")).expect("made");
    fs::write(file, bytes).expect("written");
}

/// Distances by hand: three slices of 5 mm, three voxels of 0.7 mm; masks that one map or both lack.
#[test]
fn distances_run_along_the_right_axis_and_empty_masks_count_as_asked() {
    let folder = TempDir::new().expect("a folder");
    for (case, predicted, truth) in [
        ("slices", Some([8, 8, 8]), Some([8, 8, 5])),
        ("columns", Some([8, 8, 8]), Some([5, 8, 8])),
        ("missed", None, Some([3, 3, 3])),
        ("extra", Some([3, 3, 3]), None),
        ("neither", None, None),
    ] {
        write_mask(&folder.path().join(format!("predicted/{case}.nii")), predicted);
        write_mask(&folder.path().join(format!("truth/{case}.nii")), truth);
    }
    let evaluate = |empty: &str| -> Evaluation {
        let (prediction, truth) = (path(folder.path(), "predicted"), path(folder.path(), "truth"));
        let json = path(folder.path(), "e.json");
        let arguments = ["evaluate", "--prediction", &prediction, "--truth", &truth];
        succeed(&[&arguments[..], &["--json", &json, "--empty", empty]].concat());
        serde_json::from_slice(&fs::read(json).expect("written")).expect("an evaluation")
    };
    let left_out = evaluate("nan");
    for (case, dice, mm, voxels) in [
        ("slices", Some(0.0), Some(15.0), Some(3.0)),
        ("columns", Some(0.0), Some(2.1), Some(3.0)),
        ("missed", Some(0.0), None, None),
        ("extra", Some(0.0), None, None),
        ("neither", None, None, None),
    ] {
        let found = left_out.cases.iter().find(|score| score.case == case);
        let score = &found.expect("a case").labels[0];
        assert_eq!(score.dice, dice, "{case}");
        for (found, expected) in [(score.hd95_mm, mm), (score.hd95_voxels, voxels)] {
            assert_eq!(found.is_some(), expected.is_some(), "{case}");
            let difference = found.unwrap_or(0.0) - expected.unwrap_or(0.0);
            // Sides are f32 in the file.
            assert!(difference.abs() < 1e-6, "{case}: {found:?}");
        }
    }
    // Dice and distances that count, the mean Dice, and how often one map lacks the label.
    for (empty, dices, distances, dice) in [
        ("nan", 4, 2, 0.0),
        ("zero", 5, 5, 0.0),
        ("one", 5, 5, 0.2),
        ("medpy", 5, 2, 0.2),
        ("monai", 3, 2, 0.0),
    ] {
        let label = &evaluate(empty).labels[0];
        let (counted, distance) = (label.means.dice, label.means.hd95_mm);
        assert_eq!(counted.map(|dice| dice.count), Some(dices), "{empty}");
        assert_eq!(distance.map(|distance| distance.count), Some(distances), "{empty}");
        assert!((counted.expect("a mean").mean - dice).abs() < 1e-12, "{empty}");
        assert_eq!(label.missed, 2, "{empty}");
    }
}

#[test]
fn parts_are_put_together() {
    let folder = TempDir::new().expect("a folder");
    let (prediction, truth) = cases(folder.path());
    let base = ["evaluate", "--prediction", &prediction, "--truth", &truth, "--quiet"];
    let whole = path(folder.path(), "whole.json");
    succeed(&[&base[..], &["--json", &whole]].concat());
    // More parts than cases: one is empty.
    let parts: Vec<String> = (0..4)
        .map(|part| path(folder.path(), &format!("{part}.json")))
        .collect();
    for (index, part) in parts.iter().enumerate() {
        let shard = format!("{index}/4");
        succeed(&[&base[..], &["--shard", &shard, "--json", part]].concat());
    }
    let merged = path(folder.path(), "merged.json");
    let mut arguments = vec!["evaluate", "--json", &merged, "--merge"];
    arguments.extend(parts.iter().map(String::as_str));
    succeed(&arguments);
    let bytes = |file| fs::read(file).expect("written");
    assert_eq!(bytes(&merged), bytes(&whole));

    let sentence = refuse(&["evaluate", "--merge", &parts[0], &parts[0]]);
    assert!(sentence.contains("in two of the parts"), "{sentence}");
    let sentence = refuse(&["evaluate", "--merge", &path(folder.path(), "data/dataset.json")]);
    assert!(sentence.contains("not a part of an evaluation"), "{sentence}");
}

#[test]
fn a_file_that_cannot_be_read_leaves_the_others() {
    let folder = TempDir::new().expect("a folder");
    let (prediction, truth) = cases(folder.path());
    fs::write(folder.path().join("predicted/a.nii.gz"), "nothing").expect("written");
    let csv = path(folder.path(), "e.csv");
    let arguments = [
        "evaluate",
        "--prediction",
        &prediction,
        "--truth",
        &truth,
        "--csv",
        &csv,
    ];
    let told = crate::refuse_all(&arguments);
    assert!(told.contains("a.nii.gz") && told.contains("1 of 3 files"), "{told}");
    let rows = fs::read_to_string(&csv).expect("written");
    assert_eq!(rows.lines().count(), 5, "{rows}");
}

#[test]
fn a_negative_tolerance_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let (prediction, truth) = cases(folder.path());
    let base = ["evaluate", "--prediction", &prediction, "--truth", &truth];
    let sentence = refuse(&[&base[..], &["--tolerance=-1"]].concat());
    assert!(sentence.contains("a tolerance of -1 mm cannot work"), "{sentence}");
}
