//! Spacing, cropping and the inverse: against MONAI 1.5 on a real scan, against SciPy and scikit-image (as called by
//! nnU-Net 1) on synthetic ones.

use medcontext_core::dataset::LabelSet;
use medcontext_core::transform::{Crop, Normalization, Prepared, Preprocessing, Resampling, Spacing, largest};
use medcontext_core::volume::{Affine, AxisOrder, Form, Grid, Image, LabelImage, Voxels};
use medcontext_tests::{Fixture, assert_within, reference};
use ndarray::{Array3, Array4, s};

/// An image and a label map from values in C order of (i, j, k).
pub fn image(values: &[f32], labels: &[u8], dims: [usize; 3], affine: Affine) -> (Image, LabelImage) {
    let form = Form::Sform;
    let grid = Grid { dims, affine, form };
    let [ni, nj, nk] = dims;
    let file_order = (0..nk).flat_map(|k| (0..nj).flat_map(move |j| (0..ni).map(move |i| (i * nj + j) * nk + k)));
    let order: Vec<usize> = file_order.collect();
    let stored = order.iter().map(|&at| values[at]).collect();
    let stored_labels = order.iter().map(|&at| labels[at]).collect();
    let new = |voxels| Image::new(voxels, grid.clone()).expect("a volume");
    let label = LabelImage::from_image(new(Voxels::U8(stored_labels))).expect("labels");
    (new(Voxels::F32(stored)), label)
}

/// Voxel sizes along x, y and z, nothing else.
pub fn scaled(spacing: [f64; 3]) -> Affine {
    let [x, y, z] = spacing;
    Affine([[x, 0.0, 0.0, 0.0], [0.0, y, 0.0, 0.0], [0.0, 0.0, z, 0.0]])
}

fn label_set(last: u16) -> LabelSet {
    LabelSet::from_ids(1..=last, &Default::default()).expect("labels")
}

fn resampled_to(mm: [f64; 3], rule: Resampling) -> Preprocessing {
    Preprocessing {
        axes: AxisOrder::Xyz,
        normalization: Normalization::None,
        spacing: Some(Spacing { mm, rule }),
        crop: Crop::None,
    }
}

#[test]
fn spacing_and_orientation_are_monais() {
    let Some(fixture) = Fixture::shared("orient_spacing") else {
        return;
    };
    let (values, labels) = (fixture.values("img"), fixture.bytes("lab"));
    let recipe = resampled_to([1.5, 1.5, 2.0], Resampling::Monai);
    let set = label_set(u16::from(*labels.iter().max().expect("voxels")));
    for name in [
        "aniso_ras",
        "permuted_flipped",
        "lps_ct_like",
        "oblique",
        "oblique_permuted",
        "already_at_target",
    ] {
        let numbers = fixture.doubles(&format!("affine.{name}"));
        let affine = Affine([0, 1, 2].map(|row| [0, 1, 2, 3].map(|column| numbers[4 * row + column])));
        let (image, label) = image(&values, &labels, [24, 28, 22], affine);
        let found = Prepared::new(&[&image], Some((&label, &set)), &recipe, [1; 3]);
        let expected = format!("spc_img.{name}");
        assert_eq!(found.size().to_vec(), fixture.shape(&expected), "{name}");
        let intensities: Vec<f32> = found.image.iter().copied().collect();
        // Of values up to 1114; the header keeps voxel sizes in 32 bits.
        assert_within(name, &intensities, &fixture.values(&expected), 2e-3);

        let spacing = AxisOrder::Xyz.arrange_sides(image.grid().canonical_spacing());
        let expected = fixture.bytes(&format!("spc_lab.{name}"));
        let classes = found.classes.expect("labeled");
        let mut at_ties = 0;
        for (((x, y, z), class), id) in classes.indexed_iter().zip(expected) {
            if u16::from(id) == set.ids()[usize::from(*class)] {
                continue;
            }
            // Half-way between two voxels rounding decides.
            let tie = |(index, axis): (usize, usize)| {
                let place = index as f64 * [1.5, 1.5, 2.0][axis] / spacing[axis];
                (place.fract() - 0.5).abs() < 1e-6
            };
            assert!([(x, 0), (y, 1), (z, 2)].into_iter().any(tie), "{name}: {x} {y} {z}");
            at_ties += 1;
        }
        assert!(at_ties <= 58, "{name}: {at_ties}");
    }
    let window = Preprocessing {
        normalization: Normalization::Window { low: 20.0, high: 150.0 },
        spacing: None,
        ..recipe
    };
    let (image, _) = image(&values, &labels, [24, 28, 22], scaled([1.0; 3]));
    let found = Prepared::new(&[&image], None, &window, [1; 3]);
    let intensities: Vec<f32> = found.image.iter().copied().collect();
    assert_within("window", &intensities, &fixture.values("sir"), 1e-6);
}

/// The synthetic volume of `fixtures/resampling.py`.
pub fn made_up() -> ([usize; 3], Vec<f32>, Vec<u8>) {
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for d in 0..5usize {
        for h in 0..7 {
            for w in 0..6 {
                values.push(((3 * d * d + 5 * h + 7 * w * w + d * h * w) % 23) as f32 - 6.0);
                labels.push(((2 * d + h + w / 2) % 4) as u8);
            }
        }
    }
    ([5, 7, 6], values, labels)
}

#[test]
fn spacing_is_nnunets() {
    let (dims, values, labels) = made_up();
    for change in reference("resampling")["changes"].as_array().expect("changes") {
        let triple = |key: &str| -> [f64; 3] { serde_json::from_value(change[key].clone()).expect("three numbers") };
        let (from, to) = (triple("spacing"), triple("target"));
        let (image, label) = image(&values, &labels, dims, scaled(from));
        let recipe = resampled_to(to, Resampling::NnUnet);
        let found = Prepared::new(&[&image], Some((&label, &label_set(3))), &recipe, [1; 3]);
        let what = format!("{from:?} to {to:?}");
        assert_eq!(found.size().map(|side| side as f64), triple("shape"), "{what}");
        let expected: Vec<f32> = serde_json::from_value(change["image"].clone()).expect("values");
        let intensities: Vec<f32> = found.image.iter().copied().collect();
        // Values from -6 to 16, written with six decimals.
        assert_within(&what, &intensities, &expected, 2e-5);
        let expected: Vec<u8> = serde_json::from_value(change["labels"].clone()).expect("labels");
        let classes: Vec<u8> = found.classes.expect("labeled").into_iter().collect();
        assert_eq!(classes, expected, "{what}");
    }
}

/// Logits of class 1 that grow linearly along one axis, in mm from the first voxel, and cross class 0's
/// at `border`.
fn ramp(case: &Prepared, axis: usize, mm: f64, first: f64, border: f64) -> Array4<f32> {
    let [d, h, w] = case.size();
    Array4::from_shape_fn((2, d, h, w), |(class, d, h, w)| {
        let place = first + [d, h, w][axis] as f64 * mm;
        if class == 0 { border as f32 } else { place as f32 }
    })
}

#[test]
fn the_way_back_finds_each_voxel_where_it_was() {
    let dims = [9, 8, 10];
    let (native, target) = ([0.9, 1.1, 2.5], [1.3, 1.3, 1.9]);
    let (image, _) = image(&[1.0; 720], &[0; 720], dims, scaled(native));
    for rule in [Resampling::Monai, Resampling::NnUnet] {
        let recipe = resampled_to(target, rule);
        let case = Prepared::new(&[&image], None, &recipe, [16, 4, 16]);
        for axis in 0..3 {
            let side = dims[axis] as f64 * native[axis];
            let count = [9, 8, 10][axis];
            let unpadded =
                case.native
                    .without_padding(&Array4::zeros((2, case.size()[0], case.size()[1], case.size()[2])));
            let new = unpadded.shape()[axis + 1];
            // Center of the first new voxel, and the new voxel size, both in mm from the first old one.
            let (first, mm) = match rule {
                Resampling::Monai => (0.0, target[axis]),
                Resampling::NnUnet => {
                    let mm = side / new as f64;
                    (0.5 * (mm - native[axis]), mm)
                }
            };
            // Padding comes before the first one.
            let before = (case.size()[axis] - new) / 2;
            let border = 0.43 * side;
            let logits = ramp(&case, axis, mm, first - before as f64 * mm, border);
            let found = case.native.classes(&logits, largest);
            assert_eq!(found.shape(), dims);
            for ((i, j, k), &class) in found.indexed_iter() {
                let place = [i, j, k][axis] as f64 * native[axis];
                let expected = u8::from(place > border);
                assert_eq!(class, expected, "{rule:?}, axis {axis} of {count}: {i} {j} {k}");
            }
        }
    }
}

#[test]
fn native_voxels_are_given_back_untouched() {
    let (dims, values, labels) = made_up();
    let (image, label) = image(&values, &labels, dims, scaled([1.0, 2.0, 3.0]));
    for axes in [AxisOrder::Zyx, AxisOrder::Xyz] {
        let recipe = Preprocessing {
            axes,
            normalization: Normalization::None,
            ..Preprocessing::default()
        };
        let case = Prepared::new(&[&image], Some((&label, &label_set(3))), &recipe, [8; 3]);
        assert_eq!(case.size(), [8; 3]);
        let classes = case.classes.as_ref().expect("labeled");
        let logits = Array4::from_shape_fn((4, 8, 8, 8), |(class, d, h, w)| {
            f32::from(u8::from(usize::from(classes[[d, h, w]]) == class))
        });
        let found = axes.arrange(case.native.classes(&logits, largest));
        assert_eq!(found.mapv(u16::from), label.canonical(), "{axes:?}");
    }
}

#[test]
fn what_was_cropped_away_is_background() {
    // A bright block with a brighter end in a dark volume, on both sides of zero.
    let dims = [10, 9, 8];
    let mut values = Array3::<f32>::from_elem(dims, -500.0);
    values.slice_mut(s![2..7, 1..8, 3..6]).fill(100.0);
    values.slice_mut(s![6, 1..8, 3..6]).fill(200.0);
    let flat: Vec<f32> = values.iter().copied().collect();
    let (dark, _) = image(&flat, &[0; 720], dims, scaled([1.0; 3]));
    let zeroed: Vec<f32> = flat.iter().map(|v| v + 500.0).collect();
    let (zero, _) = image(&zeroed, &[0; 720], dims, scaled([1.0; 3]));
    let window = Normalization::Window { low: 0.0, high: 100.0 };
    for (image, crop) in [(&dark, Crop::Positive), (&zero, Crop::NonZero)] {
        let recipe = Preprocessing {
            axes: AxisOrder::Xyz,
            normalization: window,
            spacing: None,
            crop,
        };
        let case = Prepared::new(&[image], None, &recipe, [1; 3]);
        assert_eq!(case.size(), [5, 7, 3], "{crop:?}");
        let [d, h, w] = case.size();
        let logits = Array4::from_shape_fn((2, d, h, w), |(class, ..)| class as f32);
        let found = case.native.classes(&logits, largest);
        for ((i, j, k), &class) in found.indexed_iter() {
            let inside = (2..7).contains(&i) && (1..8).contains(&j) && (3..6).contains(&k);
            assert_eq!(class, u8::from(inside), "{crop:?}: {i} {j} {k}");
        }
    }
}
