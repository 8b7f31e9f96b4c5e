//! Odd and ordinary NIfTI files from many programs, where available (they are not part of the repository): each opens
//! as in nibabel 5.4.2, or is refused with its sentence.

use medcontext_core::volume::{Image, Limits, VolumeError};

use crate::place::{index_at, place_in_file, values};
use crate::real_scans::{bytes, data};

/// A file that opens: its size, axes, a position in mm with its value (different from that of its mirror images, unless
/// the volume is symmetric), and how its only warning starts, or nothing.
type Opens = (&'static str, [usize; 3], &'static str, [f64; 3], f64, &'static str);

#[rustfmt::skip] // A table.
const OPEN: [Opens; 9] = [
    ("FLAIR", [124, 160, 140], "RAS", [21.256, -48.798, 56.187], 112.0, ""),
    ("avg152T1_RL_nifti", [91, 109, 91], "RAS", [58.0, -26.0, -12.0], 164.0, ""),
    ("draw", [79, 67, 64], "AIL", [43.499, -65.357, 3.965], 2.0, ""),
    ("hippo", [91, 109, 91], "LAS", [-28.0, -8.0, -24.0], 9.0, ""),
    ("lesion", [124, 160, 140], "RAS", [38.48, -21.475, 53.785], 2.0, ""),
    ("low_res", [7, 5, 3], "RAS", [4.0, 4.0, 4.0], 1.0, ""),
    ("minimal", [64, 64, 10], "LAS", [91.5, -55.5, 4.5], 13.0,
        "the header has no orientation; left and right are a guess"),
    ("shear", [306, 422, 54], "RAS", [-77.495, -70.442, -32.061], 725.0118217,
        "sform and qform place the volume differently (by 73.9 voxels)"),
    ("torsoLabel", [384, 320, 89], "RAS", [-36.375, -83.467, 1509.0], 3.0, ""),
];

/// A file that is refused, and the sentence.
#[rustfmt::skip]
const REFUSED: [(&str, &str); 2] = [
    ("complex", "the voxels are complex numbers, which is not supported; export one integer or float value per voxel"),
    ("ct_perfusion", "the voxels are RGB colors, which is not supported; export one integer or float value per voxel"),
];

fn read(bytes: &[u8]) -> Result<Image, VolumeError> {
    Image::read(bytes, &Limits::default())
}

#[test]
fn every_file_opens_or_is_refused_with_its_sentence() {
    for (name, dims, orientation, mm, value, warning) in OPEN {
        let Some(bytes) = bytes(&format!("nifti-variety/{name}")) else {
            continue;
        };
        let image = read(&bytes).expect(name);
        assert_eq!(image.grid().dims, dims, "{name}");
        assert_eq!(image.grid().orientation(), orientation, "{name}");
        // The table's positions have three decimals, and a voxel is half a millimeter or more.
        let index = index_at(&image, mm, 0.01);
        let found = values(&image)[place_in_file(&image, index)];
        assert!((found - value).abs() < 1e-6, "{name}: {found}");
        let warned = image.warnings().join("; ");
        assert!(
            warned.starts_with(warning) && warned.is_empty() == warning.is_empty(),
            "{name}: {warned}"
        );
    }
    for (name, sentence) in REFUSED {
        let Some(bytes) = bytes(&format!("nifti-variety/{name}")) else {
            continue;
        };
        assert_eq!(read(&bytes).expect_err(name).to_string(), sentence);
    }
}

#[test]
fn the_table_has_every_file() {
    let Some(folder) = data("nifti-variety") else {
        return;
    };
    let files = std::fs::read_dir(folder).expect("a folder");
    let names = files.map(|entry| entry.expect("an entry").file_name().into_string());
    let mut found: Vec<String> = names.map(|name| name.expect("plain letters")).collect();
    found.retain(|name| name.ends_with(".nii.gz"));
    let names = OPEN.iter().map(|row| row.0).chain(REFUSED.map(|row| row.0));
    let mut expected: Vec<String> = names.map(|name| format!("{name}.nii.gz")).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}
