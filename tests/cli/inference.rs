//! Settings of inference: of the weights, and of the command line in their place.

use std::fs;
use std::path::Path;

use medcontext_core::infer::PostProcessing;
use medcontext_core::volume::{Image, LabelImage, Limits};
use ndarray::Array3;
use tempfile::TempDir;

use crate::{path, phantom, predict, refuse, succeed, train};

const LARGEST: PostProcessing = PostProcessing {
    largest_component: true,
    fill_holes: false,
    smallest_ml: 0.0,
};

/// Segments `input` into the folder `out`, and gives what was said, the labels of `case` and a voxel's volume in mL.
fn segment([weights, input, out]: [&str; 3], case: &str, options: &[&str]) -> (String, Array3<u16>, f64) {
    let said = succeed(&[&predict(weights, input, out)[..], options].concat());
    let file = fs::read(Path::new(out).join(format!("{case}.nii.gz"))).expect("a segmentation");
    let map = Image::read(&file, &Limits::default()).and_then(LabelImage::from_image);
    let map = map.expect("a label map");
    (said, map.canonical(), map.grid().voxel_ml())
}

fn after(settings: PostProcessing, (_, labels, voxel_ml): &(String, Array3<u16>, f64)) -> Array3<u16> {
    let mut labels = labels.clone();
    settings.apply(&mut labels, *voxel_ml);
    labels
}

#[test]
fn weights_hold_settings_and_options_override_them() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let (run, settings) = (path(folder.path(), "run"), path(folder.path(), "settings.toml"));
    fs::write(&settings, "[inference]\nlargest_component = true\noverlap = 0.25\n").expect("settings");
    succeed(&[&train(&data, &run)[..], &["--config", &settings]].concat());
    let config = fs::read_to_string(format!("{run}/config.toml")).expect("settings");
    assert!(config.contains("[inference]"), "{config}");
    let weights = format!("{run}/last.safetensors");
    let words = "inference: overlap 0.25, gaussian blending, largest component of each label";
    let said = succeed(&["info", &weights]);
    assert!(said.contains(words), "{said}");

    let input = format!("{data}/imagesTr/phantom_001.nii.gz");
    let [by_default, all, with_holes] = ["default", "all", "holes"].map(|out| path(folder.path(), out));
    let by_default = segment([&weights, &input, &by_default], "phantom_001", &[]);
    assert!(by_default.0.contains(words), "{}", by_default.0);
    let all = segment(
        [&weights, &input, &all],
        "phantom_001",
        &["--largest-component", "false"],
    );
    assert!(
        all.0.contains("overlap 0.25, gaussian blending, no post-processing"),
        "{}",
        all.0
    );
    assert_ne!(by_default.1, all.1);
    assert_eq!(by_default.1, after(LARGEST, &all));
    let with_holes = segment([&weights, &input, &with_holes], "phantom_001", &["--fill-holes"]);
    let filled = PostProcessing {
        fill_holes: true,
        ..LARGEST
    };
    assert_eq!(with_holes.1, after(filled, &all));
}

/// Weights of a version that stored no such settings segment as they did.
#[test]
fn weights_without_settings_follow_the_options_alone() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/earlier");
    let (weights, input) = (
        path(&fixtures, "run/last.safetensors"),
        path(&fixtures, "scans/imagesTs"),
    );
    assert!(!succeed(&["info", &weights]).contains("inference:"));
    let folder = TempDir::new().expect("a folder");
    let out = |name: &str| path(folder.path(), name);
    let plain = segment([&weights, &input, &out("plain")], "phantom_004", &[]);
    assert!(!plain.0.contains("inference:"), "{}", plain.0);
    // A switch alone turns on, wherever it stands.
    let options = ["--largest-component", "--smallest-ml", "0.05"];
    let found = segment([&weights, &input, &out("largest")], "phantom_004", &options);
    let settings = PostProcessing {
        smallest_ml: 0.05,
        ..LARGEST
    };
    assert_eq!(found.1, after(settings, &plain));
    assert_ne!(found.1, plain.1);

    let bad = out("bad");
    let bad = [&predict(&weights, &input, &bad)[..], &["--smallest-ml=-1"]].concat();
    assert!(refuse(&bad).contains("a smallest component of -1 mL cannot work"));
}
