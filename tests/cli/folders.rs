//! Folders as they occur in practice, through the command line: what is trained on, and what is reported about the
//! rest.

use std::fs;
use std::path::Path;

use medcontext_core::volume::{Image, LabelImage, Limits, Voxels};
use serde_json::Value;

use super::{core, path, phantom, predict, refuse, succeed, text, train};

/// The output of a successful run on a folder, and the metadata of its weights.
fn trained(folder: &Path, data: &str, more: &[&str]) -> (String, Value) {
    let out = path(folder, "run");
    let fixed = train(data, &out);
    let output = core(&[fixed.as_slice(), &["--force", "--medcontext", "off"], more].concat());
    let said = text(&output.stderr) + &text(&output.stdout);
    assert!(output.status.success(), "{said}");
    let weights = fs::read(path(folder, "run/last.safetensors")).expect("weights");
    let (_, header) = safetensors::SafeTensors::read_metadata(&weights).expect("a header");
    let metadata = header.metadata().clone().expect("metadata");
    (said, serde_json::from_str(&metadata["medcontext"]).expect("JSON"))
}

fn cases(metadata: &Value) -> u64 {
    metadata["training"]["cases"].as_u64().expect("a number")
}

fn copy(from: &str, to: &str) {
    fs::create_dir_all(Path::new(to).parent().expect("a folder")).expect("made");
    fs::copy(from, to).expect("copied");
}

/// Rewrites a label map with other ids, or on another grid.
fn rewrite(file: &str, change: impl Fn(&LabelImage) -> Image) {
    let bytes = fs::read(file).expect("a file");
    let image = Image::read(&bytes, &Limits::default()).expect("a volume");
    let changed = change(&LabelImage::from_image(image).expect("labels"));
    let gzipped = medcontext_core::volume::gzip(&changed.to_nifti());
    fs::write(file, gzipped).expect("written");
}

fn with_ids(id: impl Fn(u16) -> u16) -> impl Fn(&LabelImage) -> Image {
    move |map| {
        let ids = map.labels().iter().map(|&label| id(label)).collect();
        Image::new(Voxels::U16(ids), map.grid().clone()).expect("one label a voxel")
    }
}

#[test]
fn files_that_are_not_used_are_named_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = phantom(folder.path());
    let label = |name: &str| path(folder.path(), &format!("phantom/labelsTr/{name}"));
    copy(&label("phantom_001.nii.gz"), &label("patient3_seg.nii.gz"));
    copy(&label("phantom_001.nii.gz"), &label("phantom_001_seg.nii.gz"));
    fs::write(path(folder.path(), "phantom/scan.nrrd"), "x").expect("written");
    let (said, metadata) = trained(folder.path(), &data, &[]);
    for expected in [
        "phantom/labelsTr/patient3_seg.nii.gz, phantom/labelsTr/phantom_001_seg.nii.gz: no image has a name that fits",
        "phantom/scan.nrrd: a format that is not read; convert it to .nii.gz",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert_eq!(cases(&metadata), 3);
    // Prediction also names what it skips.
    let (weights, output) = (path(folder.path(), "run/last.safetensors"), path(folder.path(), "out"));
    let shown = core(&predict(&weights, &data, &output));
    assert!(text(&shown.stderr).contains("scan.nrrd: a format that is not read"));
}

#[test]
fn test_and_validation_cases_are_not_trained_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = phantom(folder.path());
    let file = |name: &str| path(folder.path(), &format!("phantom/{name}"));
    // The unlabeled case is a test case of the folder's; give it labels.
    copy(
        &file("labelsTr/phantom_001.nii.gz"),
        &file("labelsTs/phantom_004.nii.gz"),
    );
    rewrite(&file("labelsTs/phantom_004.nii.gz"), |map| {
        let image = fs::read(file("imagesTs/phantom_004.nii.gz")).expect("an image");
        let image = Image::read(&image, &Limits::default()).expect("an image");
        assert!(!map.labels().is_empty());
        let voxels = (0..image.grid().len()).map(|voxel| (voxel % 3) as u8).collect();
        Image::new(Voxels::U8(voxels), image.grid().clone()).expect("as many")
    });
    let (said, metadata) = trained(folder.path(), &data, &[]);
    assert_eq!(cases(&metadata), 3);
    assert!(
        said.contains("not trained on, because folders or dataset.json name it for validation or test: phantom_004"),
        "{said}"
    );

    // A validation list is validated on.
    let json = file("dataset.json");
    let mut listed: Value = serde_json::from_slice(&fs::read(&json).expect("there")).expect("JSON");
    let last = listed["training"].as_array_mut().expect("a list").pop().expect("three");
    listed["validation"] = serde_json::json!([last]);
    fs::write(&json, listed.to_string()).expect("written");
    let (said, metadata) = trained(folder.path(), &data, &[]);
    assert_eq!(cases(&metadata), 2);
    assert!(
        said.contains("validating on 1 case that folders or dataset.json name for it: phantom_003"),
        "{said}"
    );
    assert!(path_exists(folder.path(), "run/best.safetensors"));
}

fn path_exists(folder: &Path, name: &str) -> bool {
    folder.join(name).exists()
}

#[test]
fn a_case_in_both_lists_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = phantom(folder.path());
    let lists = path(folder.path(), "splits_final.json");
    let folds = r#"[{"train": ["phantom_001", "phantom_002"], "val": ["phantom_002"]}]"#;
    fs::write(&lists, folds).expect("written");
    let out = path(folder.path(), "run");
    let [training, validation] = ["train", "val"].map(|list| format!("{lists}:0/{list}"));
    let arguments = [&train(&data, &out)[..], &["--split", &training, "--val", &validation]].concat();
    assert_eq!(
        refuse(&arguments).trim(),
        "error: the case phantom_002 is in the list to train on and in the one to validate on; take it out of one"
    );
}

#[test]
fn labels_are_held_against_what_is_declared_and_learned() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = phantom(folder.path());
    let file = |name: &str| path(folder.path(), &format!("phantom/{name}"));
    rewrite(
        &file("labelsTr/phantom_003.nii.gz"),
        with_ids(|id| if id == 2 { 9 } else { id }),
    );
    let (said, metadata) = trained(folder.path(), &data, &[]);
    assert!(
        said.contains(
            "label maps hold the labels 9, which phantom/dataset.json does not declare; they are learned too"
        ),
        "{said}"
    );
    assert_eq!(
        metadata["labels"]["names"],
        serde_json::json!(["background", "liver", "kidney", "label 9"])
    );

    // If held out, it is a label that is not measured.
    let lists = path(folder.path(), "splits.json");
    fs::write(&lists, r#"{"a": ["phantom_001", "phantom_002"], "b": ["phantom_003"]}"#).expect("written");
    let (said, _) = trained(
        folder.path(),
        &data,
        &["--split", &format!("{lists}:a"), "--val", &format!("{lists}:b")],
    );
    assert!(
        said.contains("no training case has label 9, which validation has (phantom_003)"),
        "{said}"
    );

    // nnU-Net's label for voxels ignored by the loss is never a structure.
    let json = fs::read_to_string(file("dataset.json")).expect("there");
    fs::write(file("dataset.json"), json.replace("\"kidney\"", "\"ignore\"")).expect("written");
    let (_, metadata) = trained(folder.path(), &data, &[]);
    assert_eq!(metadata["labels"]["ids"], serde_json::json!([0, 1, 9]));
    assert_eq!(metadata["labels"]["ignore"], 2);

    // A broken file loses the names, with a warning.
    fs::write(file("dataset.json"), json.replace("\"kidney\"", "\"kidney\",")).expect("written");
    let (said, metadata) = trained(folder.path(), &data, &[]);
    assert!(said.contains("phantom/dataset.json: it is not valid JSON ("), "{said}");
    assert_eq!(metadata["labels"]["names"][1], "label 1");
}

#[test]
fn healthy_cases_are_learned_from_as_such() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = phantom(folder.path());
    let label = |name: &str| path(folder.path(), &format!("phantom/labelsTr/phantom_00{name}.nii.gz"));
    for healthy in ["2", "3"] {
        rewrite(&label(healthy), with_ids(|_| 0));
    }
    let (said, metadata) = trained(folder.path(), &data, &[]);
    assert_eq!(cases(&metadata), 3);
    assert!(
        said.contains("phantom_002: the label map holds only background (0)"),
        "{said}"
    );
    rewrite(&label("1"), with_ids(|_| 0));
    let out = path(folder.path(), "refused");
    let output = core(&train(&data, &out));
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("every label map holds only background (0)"));
}

#[test]
fn label_maps_elsewhere_are_refused_or_resampled_on_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = phantom(folder.path());
    let label = path(folder.path(), "phantom/labelsTr/phantom_001.nii.gz");
    // Every second slice along the file's last axis.
    rewrite(&label, |map| {
        let [i, j, k] = map.grid().dims;
        let mut grid = map.grid().clone();
        grid.dims[2] = k / 2;
        for row in &mut grid.affine.0 {
            row[2] *= 2.0;
        }
        let slices = map.labels().chunks(i * j).step_by(2).take(k / 2);
        Image::new(Voxels::U16(slices.flatten().copied().collect()), grid).expect("as many")
    });
    let (said, metadata) = trained(folder.path(), &data, &[]);
    assert_eq!(cases(&metadata), 2);
    assert!(
        said.contains("case phantom_001: the label map does not lie on the image: it has ")
            && said.contains("--resample-labels"),
        "{said}"
    );
    let (said, metadata) = trained(folder.path(), &data, &["--resample-labels"]);
    assert_eq!(cases(&metadata), 3);
    assert!(
        said.contains("was brought onto the image's grid, each voxel from the nearest"),
        "{said}"
    );
    // With separate files in the cache, too.
    let cache = path(folder.path(), "cache");
    let (_, metadata) = trained(folder.path(), &data, &["--resample-labels", "--cache", &cache]);
    assert_eq!(cases(&metadata), 3);
    let (_, metadata) = trained(folder.path(), &data, &["--cache", &cache]);
    assert_eq!(cases(&metadata), 2);
}

#[test]
fn one_file_a_structure_is_combined_on_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = phantom(folder.path());
    let data = path(folder.path(), "total");
    for number in [1, 2] {
        let name = format!("phantom_00{number}.nii.gz");
        copy(
            &format!("{source}/imagesTr/{name}"),
            &format!("{data}/s000{number}/ct.nii.gz"),
        );
        for (id, structure) in [(1, "liver"), (2, "kidney")] {
            let map = format!("{data}/s000{number}/segmentations/{structure}.nii.gz");
            copy(&format!("{source}/labelsTr/{name}"), &map);
            rewrite(&map, with_ids(move |label| u16::from(label == id)));
        }
    }
    let out = path(folder.path(), "refused");
    let output = core(&train(&data, &out));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("s0001/segmentations/liver.nii.gz") && said.contains("--combine-structures"),
        "{said}"
    );
    let (_, metadata) = trained(folder.path(), &data, &["--combine-structures"]);
    assert_eq!(cases(&metadata), 2);
    assert_eq!(
        metadata["labels"]["names"],
        serde_json::json!(["background", "kidney", "liver"])
    );
}

#[test]
fn nnunets_test_folder_is_segmented_case_by_case() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = phantom(folder.path());
    let data = path(folder.path(), "set");
    for number in [1, 2, 3] {
        let name = format!("phantom_00{number}");
        let images = if number < 3 { "imagesTr" } else { "imagesTs" };
        for channel in ["0000", "0001"] {
            copy(
                &format!("{source}/imagesTr/{name}.nii.gz"),
                &format!("{data}/{images}/{name}_{channel}.nii.gz"),
            );
        }
        if number < 3 {
            copy(
                &format!("{source}/labelsTr/{name}.nii.gz"),
                &format!("{data}/labelsTr/{name}.nii.gz"),
            );
        }
    }
    trained(folder.path(), &data, &[]);
    let (weights, output) = (path(folder.path(), "run/last.safetensors"), path(folder.path(), "out"));
    succeed(&predict(&weights, &format!("{data}/imagesTs"), &output));
    let written: Vec<_> = fs::read_dir(&output)
        .expect("a folder")
        .map(|entry| entry.expect("a file").file_name())
        .collect();
    assert_eq!(written, ["phantom_003.nii.gz"]);

    // A channel of another size is refused, not padded.
    let small = format!("{data}/imagesTs/phantom_003_0001.nii.gz");
    copy(&format!("{source}/imagesTr/phantom_001.nii.gz"), &small);
    let again = path(folder.path(), "again");
    let said = refuse(&predict(&weights, &format!("{data}/imagesTs"), &again));
    assert!(said.contains("channel 2 does not lie on the first"), "{said}");
}
