//! Where voxels are in the patient, against nibabel 5.4.2 (see `fixtures/orientation.py`).

use medcontext_core::volume::{Affine, Form, Grid, Image, LabelImage, Limits};
use serde_json::Value;

use crate::nifti_file::{I16, NiftiFile, field, i16_bytes};

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(|v| v.as_f64().expect("a number"))
        .collect()
}

fn image(case: &Value) -> Image {
    let mut file = NiftiFile::new(&[2, 3, 4], I16);
    let code = |name: &str| case[name].as_i64().expect("a code") as i16;
    file.i16(field::QFORM_CODE, code("qform_code"));
    file.i16(field::SFORM_CODE, code("sform_code"));
    let mut put = |offset, name: &str| {
        let values: Vec<f32> = numbers(&case[name]).into_iter().map(|v| v as f32).collect();
        file.f32s(offset, &values);
    };
    put(field::PIXDIM, "pixdim");
    put(field::QUATERN_B, "quatern");
    put(field::QUATERN_B + 12, "qoffset");
    put(field::SROW_X, "srow");
    Image::read(&file.with(&i16_bytes(0..24)), &Limits::default()).expect("readable")
}

#[test]
fn every_orientation_is_read_as_nibabel_reads_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/orientation.json");
    let text = std::fs::read_to_string(path).expect("the fixture");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(cases.len(), 48 + 24 + 12 + 16 + 4 + 1);
    for case in &cases {
        let name = &case["name"];
        let image = image(case);
        let grid = image.grid();
        // The header's numbers are f32, so both sides start from the same bits.
        let affine: Vec<f64> = grid.affine.0.iter().flatten().copied().collect();
        for (found, expected) in affine.iter().zip(numbers(&case["affine"])) {
            assert!((found - expected).abs() < 1e-5, "{name}: {affine:?}");
        }
        for (found, expected) in grid.spacing().iter().zip(numbers(&case["spacing"])) {
            assert!((found - expected).abs() < 1e-6, "{name}: spacing");
        }
        assert_eq!(grid.orientation(), case["axcodes"].as_str().expect("letters"), "{name}");
        let canonical = image.canonical();
        let shape: Vec<f64> = canonical.shape().iter().map(|&size| size as f64).collect();
        assert_eq!(shape, numbers(&case["canonical_dims"]), "{name}");
        let values: Vec<f64> = canonical.iter().map(|&value| f64::from(value)).collect();
        assert_eq!(values, numbers(&case["canonical"]), "{name}");

        // And back.
        let labels = canonical.mapv(|value| value as u16);
        let label = LabelImage::from_canonical(labels, &image).expect("same shape");
        assert_eq!(label.labels(), (0..24).collect::<Vec<u16>>(), "{name}");
    }
}

#[test]
fn canonical_axes_are_s_a_r() {
    // i to the left, j to the top, k to the back.
    let affine = Affine([[-1.0, 0.0, 0.0, 0.0], [0.0, 0.0, -3.0, 0.0], [0.0, 2.0, 0.0, 0.0]]);
    let grid = Grid {
        dims: [5, 6, 7],
        affine,
        form: Form::Sform,
    };
    assert_eq!(grid.orientation(), "LSP");
    assert_eq!(grid.canonical_dims(), [6, 7, 5]);
    assert_eq!(grid.canonical_spacing(), [2.0, 3.0, 1.0]);
    assert!((grid.voxel_ml() - 0.006).abs() < 1e-12);
    assert_eq!(grid.oblique_degrees(), 0.0);
}

#[test]
fn oblique_angle_and_corner_distance() {
    let turned = |degrees: f64| {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let affine = Affine([
            [2.0 * cos, -sin, 0.0, 5.0],
            [2.0 * sin, cos, 0.0, 6.0],
            [0.0, 0.0, 3.0, 7.0],
        ]);
        Grid {
            dims: [11, 21, 6],
            affine,
            form: Form::Sform,
        }
    };
    for (degrees, expected) in [(0.0, 0.0), (12.0, 12.0), (-30.0, 30.0), (80.0, 10.0)] {
        assert!((turned(degrees).oblique_degrees() - expected).abs() < 1e-9, "{degrees}");
    }
    let straight = turned(0.0);
    assert_eq!(straight.corner_distance(&straight), 0.0);
    let mut shifted = straight.clone();
    shifted.affine.0[2][3] += 0.3;
    // 0.3 mm, and the shortest voxel side is 1 mm.
    assert!((straight.corner_distance(&shifted) - 0.3).abs() < 1e-12);
    // The corner farthest from the axis is (20, 20, 0) mm away and moves along a chord.
    let chord = 2.0 * 800f64.sqrt() * (0.5f64.to_radians()).sin();
    assert!((straight.corner_distance(&turned(1.0)) - chord).abs() < 1e-9);
}
