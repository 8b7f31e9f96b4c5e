//! Surfaces of labels: closed, oriented outward, at the right position in millimeters.

use std::collections::HashMap;

use medcontext_core::volume::{Affine, Form, Grid, Image, LabelImage, Surface, Voxels};
use medcontext_tests::procedural;

/// Voxels of 0.8 × 1.1 × 2.5 mm, turned by 30° about z and then by 20° about x, k mirrored.
fn left_handed() -> Affine {
    let (sin, cos) = 30f64.to_radians().sin_cos();
    let (tilt, upright) = 20f64.to_radians().sin_cos();
    let [i, j, k] = [0.8, 1.1, -2.5];
    Affine([
        [cos * i, -sin * j, 0.0, -101.5],
        [upright * sin * i, upright * cos * j, -tilt * k, 40.25],
        [tilt * sin * i, tilt * cos * j, upright * k, 7.0],
    ])
}

/// The same grid with k not mirrored.
fn right_handed() -> Affine {
    Affine(left_handed().0.map(|[i, j, k, offset]| [i, j, -k, offset]))
}

/// mm³ of a voxel of either.
const VOXEL: f64 = 0.8 * 1.1 * 2.5;

/// A label map from a rule for each voxel (i, j, k).
fn map(dims: [usize; 3], affine: Affine, label: impl Fn([usize; 3]) -> u16) -> LabelImage {
    let [width, height, depth] = dims;
    let voxels = (0..depth)
        .flat_map(|k| (0..height).flat_map(move |j| (0..width).map(move |i| [i, j, k])))
        .map(label)
        .collect();
    let form = Form::Sform;
    let grid = Grid { dims, affine, form };
    let image = Image::new(Voxels::U16(voxels), grid).expect("filled");
    LabelImage::from_image(image).expect("labels")
}

/// Fails unless each directed edge occurs as often in the opposite direction.
fn assert_closed(surface: &Surface) {
    let mut sides: HashMap<(u32, u32), i64> = HashMap::new();
    for &[a, b, c] in &surface.triangles {
        for (from, to) in [(a, b), (b, c), (c, a)] {
            assert_ne!(from, to);
            *sides.entry((from, to)).or_default() += 1;
            *sides.entry((to, from)).or_default() -= 1;
        }
    }
    assert!(!surface.is_empty());
    assert!(sides.values().all(|&count| count == 0));
}

/// The centroid of the enclosed volume, in mm.
fn centroid(surface: &Surface) -> [f64; 3] {
    let mut sum = [0.0; 3];
    let mut volume = 0.0;
    for triangle in &surface.triangles {
        let [a, b, c] = triangle.map(|index| surface.vertices[index as usize].map(f64::from));
        // Six times the volume of the tetrahedron over the triangle.
        let part = a[0] * (b[1] * c[2] - b[2] * c[1])
            + a[1] * (b[2] * c[0] - b[0] * c[2])
            + a[2] * (b[0] * c[1] - b[1] * c[0]);
        volume += part;
        for axis in 0..3 {
            sum[axis] += part * (a[axis] + b[axis] + c[axis]) / 4.0;
        }
    }
    sum.map(|sum| sum / volume)
}

#[test]
fn a_sphere_of_voxels_is_an_ellipsoid_at_its_place() {
    let center = [24.3, 22.9, 25.6];
    let inside = |ijk: [usize; 3]| {
        let offsets = [0, 1, 2].map(|axis| ijk[axis] as f64 - center[axis]);
        offsets.iter().map(|offset| offset * offset).sum::<f64>() <= 400.0
    };
    let analytic = 4.0 / 3.0 * std::f64::consts::PI * 8000.0 * VOXEL / 1000.0;
    for affine in [left_handed(), right_handed()] {
        let map = map([50, 48, 52], affine, |ijk| if inside(ijk) { 3 } else { 1 });
        let surface = map.surface(3);
        assert_closed(&surface);
        let volume = surface.volume_ml();
        let found = centroid(&surface);
        let expected = affine.apply(center);
        assert!((volume / analytic - 1.0).abs() < 0.01, "{volume} mL of {analytic}");
        for axis in 0..3 {
            let off = (found[axis] - expected[axis]).abs();
            assert!(off < 0.1, "{found:?} mm, not {expected:?}");
        }
    }
}

/// Three places on the edges at a voxel's corner: their middle is a third of half a voxel from its center.
#[test]
fn a_single_voxel_is_a_small_cube() {
    for affine in [left_handed(), right_handed()] {
        let map = map([3, 4, 5], affine, |ijk| u16::from(ijk == [1, 2, 2]));
        let surface = map.surface(1);
        assert_closed(&surface);
        assert_eq!((surface.vertices.len(), surface.triangles.len()), (8, 12));
        let volume = surface.volume_ml();
        assert!((volume * 27_000.0 / VOXEL - 1.0).abs() < 1e-4, "{volume} mL");
    }
}

#[test]
fn a_label_that_fills_the_volume_is_closed_at_its_border() {
    let one = Affine([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
    let surface = map([4, 5, 6], one, |_| 7).surface(7);
    assert_closed(&surface);
    // Voxels reach half a voxel beyond their centers; corners are cut.
    for (axis, voxels) in [4.0, 5.0, 6.0].into_iter().enumerate() {
        let places = surface.vertices.iter().map(|place| place[axis]);
        let (low, high) = places.fold((f32::MAX, f32::MIN), |(low, high), place| {
            (low.min(place), high.max(place))
        });
        assert!((low + 0.5).abs() < 1e-6 && (high - voxels + 0.5).abs() < 1e-6);
    }
    let volume = surface.volume_ml();
    assert!(volume > 0.09 && volume < 0.12, "{volume} mL");
}

/// Random voxels touch by edges and corners, and touch every border.
#[test]
fn any_mask_is_closed() {
    for density in [-0.8, -0.3, 0.0, 0.5] {
        let chance = procedural(5, 0.0, 1.0, 9 * 8 * 7);
        let label = |[i, j, k]: [usize; 3]| u16::from(chance[(k * 8 + j) * 9 + i] < density);
        let map = map([9, 8, 7], left_handed(), label);
        let surface = map.surface(1);
        assert_closed(&surface);
        assert!(surface.volume_ml() > 0.0);
        let used: Vec<u32> = surface.triangles.concat();
        let vertices = surface.vertices.len() as u32;
        assert!((0..vertices).all(|vertex| used.contains(&vertex)));
    }
}

#[test]
fn an_id_that_does_not_occur_has_no_surface() {
    let surface = map([3, 3, 3], left_handed(), |_| 1).surface(2);
    assert!(surface.is_empty() && surface.vertices.is_empty());
    assert_eq!(surface.volume_ml(), 0.0);
    assert_eq!(surface.to_stl("nothing").len(), 84);
}

#[test]
fn stl_is_binary_with_normals_that_point_outwards() {
    let map = map([5, 5, 5], left_handed(), |[i, j, k]| u16::from(i > 1 && j > 2 && k > 0));
    let surface = map.surface(1);
    let center = centroid(&surface);
    let bytes = surface.to_stl(&format!("Rückenmark {}", "x".repeat(80)));
    assert_eq!(bytes.len(), 84 + 50 * surface.triangles.len());
    let header = String::from_utf8(bytes[..80].to_vec()).expect("ASCII");
    assert!(
        header.starts_with("MedContext, mm, SPACE=RAS, R?ckenmark xxx"),
        "{header}"
    );
    let count = u32::from_le_bytes(bytes[80..84].try_into().expect("4 bytes"));
    assert_eq!(count as usize, surface.triangles.len());
    for (record, triangle) in bytes[84..].chunks(50).zip(&surface.triangles) {
        let values: Vec<f32> = record[..48]
            .chunks(4)
            .map(|value| f32::from_le_bytes(value.try_into().expect("4 bytes")))
            .collect();
        let corners = triangle.map(|index| surface.vertices[index as usize]);
        assert_eq!(values[3..], corners.concat());
        let normal = &values[..3];
        let length = normal.iter().map(|value| value * value).sum::<f32>();
        assert!((length - 1.0).abs() < 1e-5, "{normal:?}");
        // The label is a box, so its center is behind every triangle.
        let outwards: f64 = (0..3)
            .map(|axis| f64::from(normal[axis]) * (f64::from(corners[0][axis]) - center[axis]))
            .sum();
        assert!(outwards > 0.0);
        assert_eq!(record[48..], [0, 0]);
    }
}
