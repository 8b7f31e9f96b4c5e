//! Odd orientation fields are repaired, with a warning.

use medcontext_core::volume::{Form, Grid, Image, Limits};

use crate::nifti_file::{NiftiFile, U8, field};

/// Grid and warnings of a 2×3×4 file.
fn read(edit: impl Fn(&mut NiftiFile)) -> (Grid, String) {
    let mut file = NiftiFile::new(&[2, 3, 4], U8);
    edit(&mut file);
    let image = Image::read(&file.with(&[1; 24]), &Limits::default()).expect("readable");
    (image.grid().clone(), image.warnings().join("; "))
}

/// A qform turned about z by 90 degrees, voxels 2×3×4 mm: i runs to the front, j to the left.
fn turned(file: &mut NiftiFile) {
    file.i16(field::SFORM_CODE, 0);
    file.i16(field::QFORM_CODE, 1);
    file.f32s(field::QUATERN_B, &[0.0, 0.0, 0.5f32.sqrt(), 10.0, 20.0, 30.0]);
    file.f32s(field::PIXDIM, &[1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn qfac_mirrors_only_when_negative() {
    for (qfac, letters) in [
        (1.0, "ALS"),
        (0.0, "ALS"),
        (f32::NAN, "ALS"),
        (-1.0, "ALI"),
        (-3.0, "ALI"),
    ] {
        let (grid, warnings) = read(|file| {
            turned(file);
            file.f32(field::PIXDIM, qfac);
        });
        assert_eq!(
            (grid.orientation().as_str(), grid.form),
            (letters, Form::Qform),
            "qfac {qfac}"
        );
        assert_eq!(warnings, "");
        // Voxel (1, 1, 1) is 2 mm in front, 3 mm to the left and 4 mm above or below the first.
        let z = if letters == "ALS" { 34.0 } else { 26.0 };
        for (found, expected) in grid.affine.apply([1.0; 3]).into_iter().zip([7.0, 22.0, z]) {
            assert!((found - expected).abs() < 1e-5, "{found}, not {expected}");
        }
    }
}

#[test]
fn voxel_sizes_are_made_positive() {
    let (grid, warnings) = read(|file| {
        turned(file);
        file.f32s(field::PIXDIM + 4, &[-2.0, 0.0, f32::INFINITY]);
    });
    assert_eq!(grid.orientation(), "ALS");
    for (found, expected) in grid.spacing().into_iter().zip([2.0, 1.0, 1.0]) {
        assert!((found - expected).abs() < 1e-6);
    }
    assert!(
        warnings.contains("voxel size 1 in the header is -2; 2 mm is used"),
        "{warnings}"
    );
    assert!(
        warnings.contains("voxel size 2 in the header is 0; 1 mm is used"),
        "{warnings}"
    );
    assert!(
        warnings.contains("voxel size 3 in the header is inf; 1 mm is used"),
        "{warnings}"
    );
}

#[test]
fn a_quaternion_that_is_too_long_is_scaled_back() {
    let (grid, warnings) = read(|file| {
        turned(file);
        file.f32s(field::QUATERN_B, &[0.0, 0.0, 3.0]);
    });
    // A half turn about the same axis.
    assert_eq!(grid.orientation(), "LPS");
    assert!(warnings.contains("quaternion is longer than 1"), "{warnings}");
}

#[test]
fn an_sform_that_spans_no_space_is_passed_over() {
    for row in [[0.0; 12], [f32::NAN; 12], [1.0; 12]] {
        let (grid, warnings) = read(|file| {
            turned(file);
            file.i16(field::SFORM_CODE, 1);
            file.f32s(field::SROW_X, &row);
        });
        assert_eq!((grid.orientation().as_str(), grid.form), ("ALS", Form::Qform));
        assert!(warnings.contains("the sform in the header is not usable"), "{warnings}");
    }
}

#[test]
fn the_sform_wins_and_a_different_qform_is_told() {
    let (grid, warnings) = read(|file| {
        turned(file);
        file.i16(field::SFORM_CODE, 1);
    });
    assert_eq!((grid.orientation().as_str(), grid.form), ("RAS", Form::Sform));
    assert!(
        warnings.contains("sform and qform place the volume differently"),
        "{warnings}"
    );
    // The same place in both: no warning.
    let (_, warnings) = read(|file| file.i16(field::QFORM_CODE, 1));
    assert_eq!(warnings, "");
}

#[test]
fn no_form_is_a_guess() {
    let (grid, warnings) = read(|file| file.i16(field::SFORM_CODE, 0));
    assert_eq!((grid.orientation().as_str(), grid.form), ("LAS", Form::None));
    assert!(warnings.contains("the header has no orientation"), "{warnings}");
    // The middle of the volume is the origin, as in nibabel.
    assert_eq!(grid.affine.apply([0.5, 1.0, 1.5]), [0.0; 3]);
}

#[test]
fn other_units_are_told() {
    for (units, expected) in [(2, false), (10, false), (0, false), (1, true), (3, true)] {
        let (_, warnings) = read(|file| file.bytes[field::XYZT_UNITS] = units);
        assert_eq!(warnings.contains("they are read as mm"), expected, "units {units}");
    }
}
