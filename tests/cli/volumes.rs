//! Unusual volumes: thin, tiny, flat, and with extreme values.

use std::fs;
use std::path::Path;

use medcontext_core::volume::{Image, Limits, gzip};
use safetensors::SafeTensors;
use tempfile::TempDir;

use crate::{nifti, path, predict, succeed, text, train};

/// Voxels along i, j, k.
type Dims = [usize; 3];

/// A NIfTI file of `dims` with voxels of the given sides in mm.
fn file(dims: Dims, sides: [f32; 3], datatype: i16, bits: i16, voxels: &[u8]) -> Vec<u8> {
    let [i, j, k] = dims.map(|size| size as i16);
    let mut bytes = nifti([3, i, j, k, 1], datatype, bits, voxels);
    for (axis, side) in sides.into_iter().enumerate() {
        bytes[80 + 4 * axis..84 + 4 * axis].copy_from_slice(&side.to_le_bytes());
    }
    gzip(&bytes)
}

/// Writes a case whose image has the values `values` and whose first octant is label 1.
fn case(data: &Path, name: &str, dims: Dims, sides: [f32; 3], values: impl Fn(usize) -> f32) {
    let [ni, nj, nk] = dims;
    let place = |at: usize| [at % ni, at / ni % nj, at / (ni * nj)];
    let voxels = || 0..ni * nj * nk;
    let image: Vec<u8> = voxels().flat_map(|at| values(at).to_le_bytes()).collect();
    let inside = |at| {
        let place = place(at);
        (0..3).all(|axis| place[axis] <= dims[axis] / 2)
    };
    let label: Vec<u8> = voxels().map(|at| u8::from(inside(at))).collect();
    for (folder, bytes) in [
        ("imagesTr", file(dims, sides, 16, 32, &image)),
        ("labelsTr", file(dims, sides, 2, 8, &label)),
    ] {
        let folder = data.join(folder);
        fs::create_dir_all(&folder).expect("made");
        fs::write(folder.join(format!("{name}.nii.gz")), bytes).expect("written");
    }
}

fn grey(at: usize) -> f32 {
    (at * 7 % 100) as f32
}

/// Trains on a folder with and without a custom patch, segments it, and checks that losses and prepared voxels are
/// finite and that a segmentation has its image's size. Returns the output.
fn round(folder: &Path, cases: usize) -> String {
    let data = path(folder, "data");
    let [run, cache, out] = ["run", "cache", "out"].map(|name| path(folder, name));
    let output = crate::core(&[train(&data, &run), vec!["--cache", &cache]].concat());
    let said = text(&output.stderr) + &text(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert_losses_are_numbers(&run);
    assert_voxels_are_numbers(&cache, cases);

    let weights = format!("{run}/last.safetensors");
    let images = format!("{data}/imagesTr");
    succeed(&predict(&weights, &images, &out));
    for entry in fs::read_dir(&images).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        let grid = |folder: &str| {
            let bytes = fs::read(Path::new(folder).join(&name)).expect("a file");
            let image = Image::read(&bytes, &Limits::default()).expect("a volume");
            image.grid().clone()
        };
        assert_eq!(grid(&images), grid(&out), "{name:?}");
    }

    let suggested = path(folder, "suggested");
    let arguments = [
        "train",
        "--data",
        &data,
        "--out",
        &suggested,
        "--size",
        "tiny",
        "--iterations",
        "1",
        "--batch-size",
        "1",
    ];
    succeed(&arguments);
    said
}

/// The losses of both steps that a run took are numbers.
fn assert_losses_are_numbers(run: &str) {
    let log = fs::read_to_string(format!("{run}/log.jsonl")).expect("a log");
    let mut steps = 0;
    for line in log.lines() {
        let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
        if event["event"] == "step" {
            // What is no number is null in JSON.
            let loss = event["losses"]["total"].as_f64().expect("a loss");
            assert!((0.0..100.0).contains(&loss), "{loss}");
            steps += 1;
        }
    }
    assert_eq!(steps, 2);
}

/// The voxels of the cases that were prepared are numbers.
fn assert_voxels_are_numbers(cache: &str, cases: usize) {
    let mut prepared = 0;
    for entry in fs::read_dir(cache).expect("a cache") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "safetensors") {
            let bytes = fs::read(path).expect("readable");
            let tensors = SafeTensors::deserialize(&bytes).expect("tensors");
            let image = tensors.tensor("image").expect("an image");
            let values = image.data().as_chunks::<4>().0.iter();
            let largest = values.map(|value| f32::from_le_bytes(*value).abs());
            // Of n voxels, none is further than √n standard deviations from the mean.
            assert!(largest.fold(0.0, f32::max) < 1000.0);
            prepared += 1;
        }
    }
    assert_eq!(prepared, cases);
}

#[test]
fn a_stack_of_few_thick_slices() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    case(&data, "a", [40, 36, 4], [0.5, 0.5, 12.0], grey);
    case(&data, "b", [36, 40, 5], [0.5, 0.5, 12.0], grey);
    round(folder.path(), 2);
}

#[test]
fn volumes_smaller_than_the_patch() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    case(&data, "a", [9, 7, 11], [1.0; 3], grey);
    case(&data, "b", [2, 3, 2], [1.0; 3], grey);
    case(&data, "c", [5, 24, 6], [1.0; 3], grey);
    round(folder.path(), 3);
}

#[test]
fn volumes_of_one_value() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    case(&data, "flat", [18, 17, 16], [1.0; 3], |_| 1000.1);
    case(&data, "zero", [16, 17, 18], [1.0; 3], |_| 0.0);
    round(folder.path(), 2);
}

#[test]
fn values_that_are_no_numbers_or_out_of_all_bounds() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    case(&data, "nan", [16; 3], [1.0; 3], |at| match at % 3 {
        0 => f32::NAN,
        _ => grey(at),
    });
    case(&data, "far", [16; 3], [1.0; 3], |at| match at {
        0 => f32::INFINITY,
        1 => f32::NEG_INFINITY,
        2 => 3e38,
        3 => -3e38,
        _ => grey(at),
    });
    let said = round(folder.path(), 2);
    // Every third of 4096 voxels; the two infinities.
    for count in ["nan: 1366 voxels", "far: 2 voxels"] {
        let sentence = format!("{count} are NaN or infinite");
        assert!(said.contains(&sentence), "{sentence} in {said}");
    }
}
