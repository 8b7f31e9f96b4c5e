//! Placement of image, channels and label map of a case, whatever each file's header says. Files are made from
//! positions in millimeters, so that the expected place of each voxel is known without the code under test.

use futures::executor::block_on;
use medcontext_core::Error;
use medcontext_core::dataset::{Case, CaseFiles, Fix, LabelSet, ReadOptions, Reading, read_case};
use medcontext_core::transform::{Prepared, Preprocessing};
use medcontext_core::volume::{Image, LabelImage, Limits};

use crate::nifti_file::{NiftiFile, U8, bytes_file, field};

/// Millimeters between voxels along x, y and z, and voxels along them.
const STEP: [f32; 3] = [1.0, 2.0, 3.0];
const SIZE: [usize; 3] = [2, 3, 4];

/// An order of axes: which of x, y and z i, j and k run along, and whether against it.
type Order = ([usize; 3], [bool; 3]);

fn orders() -> Vec<Order> {
    let exchanges = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let with_signs = |axes| (0..8).map(move |bits| (axes, [0, 1, 2].map(|axis| bits >> axis & 1 == 1)));
    exchanges.into_iter().flat_map(with_signs).collect()
}

/// A file of one place, moved by `shift` mm along x, whose voxels have the value `of` their number along x, y, z.
fn file((axes, against): Order, shift: f32, of: impl Fn([usize; 3]) -> u8) -> Vec<u8> {
    let dims = axes.map(|axis| SIZE[axis] as i16);
    let mut file = NiftiFile::new(&dims, U8);
    let mut rows = [[0.0f32; 4]; 3];
    for (column, axis) in axes.into_iter().enumerate() {
        rows[axis][column] = if against[column] { -STEP[axis] } else { STEP[axis] };
        if against[column] {
            rows[axis][3] = STEP[axis] * (SIZE[axis] - 1) as f32;
        }
        file.f32(field::PIXDIM + 4 * (column + 1), STEP[axis]);
    }
    rows[0][3] += shift;
    file.f32s(field::SROW_X, &rows.concat());
    let mut voxels = Vec::new();
    for k in 0..dims[2] as usize {
        for j in 0..dims[1] as usize {
            for i in 0..dims[0] as usize {
                let mut place = [0; 3];
                for (column, index) in [i, j, k].into_iter().enumerate() {
                    let axis = axes[column];
                    place[axis] = if against[column] { SIZE[axis] - 1 - index } else { index };
                }
                voxels.push(of(place));
            }
        }
    }
    file.with(&voxels)
}

/// A different nonzero value at every position.
fn number([x, y, z]: [usize; 3]) -> u8 {
    (1 + x + SIZE[0] * (y + SIZE[1] * z)) as u8
}

fn image(bytes: &[u8]) -> Image {
    Image::read(bytes, &Limits::default()).expect("an image")
}

fn label(bytes: &[u8]) -> LabelImage {
    LabelImage::from_image(image(bytes)).expect("labels")
}

/// A header with just the identity, as from `np.eye(4)`.
fn identity(dims: [i16; 3], voxels: &[u8]) -> Vec<u8> {
    bytes_file(dims, voxels)
}

const LPS: Order = ([0, 1, 2], [true, true, false]);
const SAGITTAL: Order = ([1, 2, 0], [true, true, false]);

#[test]
fn files_of_one_place_are_matched_by_their_headers_in_any_order_of_axes() {
    for (index, first) in orders().into_iter().enumerate() {
        // All pairs would be 2304; every order meets twelve others on each side.
        for second in orders().into_iter().skip(index % 4).step_by(4) {
            let case = Case::new(
                "a",
                image(&file(first, 0.0, number)),
                Some(label(&file(second, 0.0, number))),
            );
            let case = case.expect("one place");
            let case = case
                .with_channels(vec![image(&file(second, 0.0, number))])
                .expect("one place");
            assert!(
                case.warnings().is_empty(),
                "{first:?} {second:?}: {:?}",
                case.warnings()
            );
            let values = case.image.canonical();
            let labels = case.label.as_ref().expect("labeled").canonical();
            let channel = case.other_channels[0].canonical();
            assert_eq!(values.shape(), labels.shape());
            for (place, value) in values.indexed_iter() {
                assert_eq!(
                    (f32::from(labels[place]), channel[place]),
                    (*value, *value),
                    "{first:?} {second:?}"
                );
            }
        }
    }
}

#[test]
fn files_of_one_size_whose_headers_disagree_are_matched_voxel_by_voxel() {
    for order in [LPS, SAGITTAL, ([2, 1, 0], [false, true, false])] {
        let scan = file(order, 0.0, number);
        let dims = order.0.map(|axis| SIZE[axis] as i16);
        let other = identity(dims, &scan[352..]);
        let case = Case::new("a", image(&scan), Some(label(&other))).expect("one size");
        let case = case.with_channels(vec![image(&other)]).expect("one size");
        let [of_label, of_channel] = case.warnings() else {
            panic!("two warnings: {:?}", case.warnings())
        };
        assert!(
            of_label.contains("matched voxel by voxel and the image's header is used for both"),
            "{of_label}"
        );
        assert!(
            of_channel.starts_with("channel 2 lies ") && of_channel.contains("voxel by voxel"),
            "{of_channel}"
        );
        let map = case.label.clone().expect("labeled");
        let (values, labels) = (case.image.canonical(), map.canonical());
        for (place, value) in values.indexed_iter() {
            assert_eq!(
                (f32::from(labels[place]), case.other_channels[0].canonical()[place]),
                (*value, *value)
            );
        }
        // The training case, which used to be mirrored or not to fit at all.
        let set = LabelSet::from_ids(map.present(), &Default::default()).expect("labels");
        let prepared = Prepared::new(&case.images(), Some((&map, &set)), &Preprocessing::default(), [1; 3]);
        let classes = prepared.classes.expect("labeled");
        let intensities = prepared.image.index_axis(ndarray::Axis(0), 0);
        assert_eq!(intensities.shape(), classes.shape());
        // Normalization keeps the order of values; ids became classes in their order.
        let mut by_class: Vec<(u8, f32)> = classes.iter().copied().zip(intensities.iter().copied()).collect();
        by_class.sort_by_key(|(class, _)| *class);
        assert!(by_class.windows(2).all(|pair| pair[0].1 < pair[1].1), "{order:?}");
    }
}

#[test]
fn a_tenth_of_a_voxel_is_the_same_place() {
    let warnings = |shift: f32| {
        let case = Case::new(
            "a",
            image(&file(LPS, 0.0, number)),
            Some(label(&file(SAGITTAL, shift, number))),
        );
        case.map(|case| case.warnings().len())
            .map_err(|error| error.to_string())
    };
    assert_eq!(warnings(0.09), Ok(0));
    // Rotated and slightly shifted: it is ambiguous which voxel is meant.
    let refused = warnings(0.11).expect_err("elsewhere");
    assert_eq!(
        refused,
        "case a: the label map does not lie on the image: it has 3×4×2 voxels of 2×3×1 mm, PIR, from (0.1, 4, 9), not \
         2×3×4 voxels of 1×2×3 mm, LPS, from (1, 4, 0); use the one drawn on it, or --resample-labels (in the page: \
         Resample)"
    );
}

#[test]
fn a_label_map_that_lies_beside_is_warned_about_by_how_far() {
    let warning = |shift: f32| {
        let case = Case::new(
            "a",
            image(&file(LPS, 0.0, number)),
            Some(label(&file(LPS, shift, number))),
        );
        case.expect("one size").warnings().first().cloned()
    };
    assert_eq!(warning(0.09), None);
    assert!(
        warning(0.5)
            .expect("said")
            .starts_with("image and label map lie 0.5 voxels apart")
    );
    assert!(warning(-7.0).expect("said").contains("7.0 voxels apart"));
}

/// Reads a case of these files.
fn read(files: &CaseFiles, options: &ReadOptions, bytes: &[(&str, Vec<u8>)]) -> Result<Reading, Error> {
    block_on(read_case(files, options, async |path: &str| {
        let found = bytes.iter().find(|(name, _)| *name == path);
        found.map(|(_, bytes)| bytes.clone()).ok_or_else(|| Error::Unreadable {
            file: path.to_owned(),
            problem: "not there".to_owned(),
        })
    }))
}

fn files(label: Option<&str>) -> CaseFiles {
    CaseFiles {
        label: label.map(str::to_owned),
        ..CaseFiles::of_image("a", "a.nii")
    }
}

#[test]
fn a_label_map_of_another_size_is_resampled_on_request() {
    // Twice as fine along z, which starts half a fine voxel lower: voxels 0 and 1 lie in the image's first.
    let mut fine = NiftiFile::new(&[2, 3, 8], U8);
    fine.f32s(
        field::SROW_X,
        &[1.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 1.5, -0.5],
    );
    let layers: Vec<u8> = (0..8).flat_map(|k| [k / 2 + 1; 6]).collect();
    let fine = fine.with(&layers);
    let ras = ([0, 1, 2], [false; 3]);
    let bytes = [("a.nii", file(ras, 0.0, number)), ("a_seg.nii", fine)];
    let labeled = files(Some("a_seg.nii"));
    let reading = read(&labeled, &ReadOptions::default(), &bytes).expect("the image");
    assert!(reading.case.label.is_none() && reading.fix == Some(Fix::Resample));
    assert!(
        reading
            .whole()
            .expect_err("refused")
            .to_string()
            .contains("2×3×8 voxels")
    );

    let options = ReadOptions {
        resample_labels: true,
        ..ReadOptions::default()
    };
    let case = read(&labeled, &options, &bytes)
        .expect("read")
        .whole()
        .expect("resampled");
    let expected: Vec<u16> = (1..=4).flat_map(|layer| [layer; 6]).collect();
    assert_eq!(case.label.as_ref().expect("labeled").labels(), expected);
    assert!(
        case.warnings()
            .iter()
            .any(|said| said.contains("was brought onto the image's grid"))
    );

    // Nothing of a distant map is left: that is not an empty label map.
    let mut far = NiftiFile::new(&[2, 2, 2], U8);
    far.f32(field::SROW_X + 12, 500.0);
    let bytes = [bytes[0].clone(), ("a_seg.nii", far.with(&[1; 8]))];
    let refused = read(&labeled, &options, &bytes)
        .expect("the image")
        .whole()
        .expect_err("beside");
    assert!(
        refused
            .to_string()
            .contains("no label of the label map lies inside the image"),
        "{refused}"
    );
}

#[test]
fn structures_are_combined_on_the_image_and_keep_their_names() {
    let structure = |order, places: &[[usize; 3]]| file(order, 0.0, |place| u8::from(places.contains(&place)));
    let bytes = [
        ("ct.nii", file(LPS, 0.0, number)),
        ("liver.nii", structure(LPS, &[[0, 0, 0], [1, 1, 1]])),
        // Stored in another order, and overlapping in one voxel.
        ("spleen.nii", structure(SAGITTAL, &[[1, 1, 1], [1, 2, 3]])),
    ];
    let structure = |id, name: &str| medcontext_core::dataset::Structure {
        id,
        name: name.to_owned(),
        path: format!("{name}.nii"),
    };
    let files = CaseFiles {
        structures: vec![structure(1, "liver"), structure(2, "spleen")],
        ..CaseFiles::of_image("a", "ct.nii")
    };
    let case = read(&files, &ReadOptions::default(), &bytes)
        .expect("read")
        .whole()
        .expect("combined");
    let map = case.label.as_ref().expect("labeled");
    assert_eq!(
        map.names()
            .into_iter()
            .map(|(id, name)| format!("{id} {name}"))
            .collect::<Vec<_>>(),
        ["1 liver", "2 spleen"]
    );
    let (values, labels) = (case.image.canonical(), map.canonical());
    let at = |place: [usize; 3]| {
        let mut found = values
            .indexed_iter()
            .filter(|(_, value)| **value == f32::from(number(place)));
        labels[found.next().expect("there").0]
    };
    assert_eq!(
        [at([0, 0, 0]), at([1, 1, 1]), at([1, 2, 3]), at([0, 1, 0])],
        [1, 2, 2, 0]
    );
    assert_eq!(
        case.warnings(),
        ["1 voxel lies in several structures; the last of these by name is used there"]
    );
}

#[test]
fn a_single_file_holds_as_many_channels_as_are_expected() {
    let mut series = NiftiFile::new(&[2, 3, 4, 3], U8);
    series.f32(field::PIXDIM, 1.0);
    let bytes = [("a.nii", series.with(&[7; 72]))];
    let read = |channels| {
        let options = ReadOptions {
            channels,
            ..ReadOptions::default()
        };
        read(&files(None), &options, &bytes).map(|reading| reading.case.images().len())
    };
    assert_eq!(read(3).expect("channels"), 3);
    // A time series needs a choice of frame, whatever number of channels is expected.
    for channels in [1, 2, 4] {
        let refused = read(channels).expect_err("which frame?").to_string();
        assert!(refused.contains("4D series of 3 frames"), "{refused}");
    }
}
