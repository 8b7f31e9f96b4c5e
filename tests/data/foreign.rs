//! Files as other programs write them: bytes after the data, and labels stored with a slope.

use medcontext_core::volume::{Image, LabelImage, Limits, VolumeError};

use crate::nifti_file::{F32, I16, NiftiFile, U8, counting, f32_bytes, field, gzipped, i16_bytes};

const DIMS: [i16; 3] = [2, 3, 4];
const I8: i16 = 256;
const U16: i16 = 512;

fn read(bytes: &[u8]) -> Result<Image, VolumeError> {
    Image::read(bytes, &Limits::default())
}

/// The warnings about a file whose voxels are 0, 1, 2, …
fn said(bytes: &[u8]) -> Vec<String> {
    let image = read(bytes).expect("a readable file");
    let values: Vec<f32> = image.canonical().into_iter().collect();
    let expected: Vec<f32> = (0..24u8).map(f32::from).collect();
    assert_eq!(values, expected);
    image.warnings().to_vec()
}

fn refused(bytes: &[u8]) -> String {
    read(bytes).expect_err("a refused file").to_string()
}

#[test]
fn zeros_behind_gzip_are_padding() {
    let nothing: [String; 0] = [];
    let plain = counting(DIMS);
    let whole = gzipped(&plain);
    for zeros in [1, 7, 512 - whole.len() % 512, 10240] {
        let padded = [&whole[..], &vec![0; zeros]].concat();
        assert_eq!(said(&padded), nothing, "{zeros} zeros");
    }
    // As on tapes: each member in its own blocks.
    for cut in [100, 352, 360, plain.len()] {
        let [mut first, second] = [&plain[..cut], &plain[cut..]].map(gzipped);
        first.resize(first.len().next_multiple_of(512), 0);
        assert_eq!(said(&[&first[..], &second, &[0; 100]].concat()), nothing, "{cut}");
    }
    // The empty member that bgzip ends a file with.
    assert_eq!(said(&[&whole[..], &gzipped(&[])].concat()), nothing);
}

#[test]
fn other_bytes_behind_gzip_are_ignored_and_counted() {
    let whole = gzipped(&counting(DIMS));
    for behind in [&b"x"[..], b"trailing garbage", b"\0\0\0x", b"\x1f", b"\x8b\x1f"] {
        let count = behind.len();
        assert_eq!(
            said(&[&whole[..], behind].concat()),
            [format!(
                "{count} byte(s) follow the gzip data, are not gzip themselves and were ignored"
            )]
        );
    }
}

#[test]
fn bytes_behind_the_last_voxel_are_ignored_and_counted() {
    let plain = counting(DIMS);
    let nothing: [String; 0] = [];
    for file in [plain.clone(), gzipped(&plain)] {
        assert_eq!(said(&file), nothing);
    }
    let zeros = [&plain[..], &[0; 48]].concat();
    for file in [zeros.clone(), gzipped(&zeros)] {
        assert_eq!(said(&file), nothing);
    }
    let more = [&plain[..], &[0; 40], &[7; 10]].concat();
    for file in [more.clone(), gzipped(&more)] {
        assert_eq!(said(&file), ["50 byte(s) follow the last voxel and were ignored"]);
    }
    let both = [&gzipped(&more)[..], b"end"].concat();
    assert_eq!(said(&both).len(), 2);
    // Their number is reported where they need not be inflated.
    let much = [&plain[..], &vec![1; 2 << 20]].concat();
    assert!(said(&much)[0].starts_with("2097152 byte"));
    assert!(said(&gzipped(&much))[0].starts_with("at least 1048576 byte"));
}

#[test]
fn damaged_members_stay_errors() {
    let plain = counting(DIMS);
    let [first, second] = [&plain[..360], &plain[360..]].map(gzipped);
    let cut = |bytes: &[u8], by: usize| bytes[..bytes.len() - by].to_vec();
    for by in [1, 8, 9, second.len() - 3] {
        let sentence = refused(&[first.clone(), cut(&second, by)].concat());
        assert!(sentence.contains("ends before its last voxel"), "{sentence}");
    }
    // Also if all voxels are present and a member after them is truncated.
    let whole = gzipped(&plain);
    let sentence = refused(&[&whole[..], &cut(&gzipped(b"more"), 5)].concat());
    assert!(sentence.contains("ends before its last voxel"), "{sentence}");
    // A wrong checksum, with zeros behind it and with a member behind it.
    for behind in [vec![0; 20], second.clone()] {
        let mut wrong = whole.clone();
        let at = wrong.len() - 6;
        wrong[at] ^= 1;
        let sentence = refused(&[wrong, behind].concat());
        assert!(sentence.contains("gzip data is damaged"), "{sentence}");
    }
    // Something other than a member where voxels should follow.
    let sentence = refused(&[&first[..], b"not gzip", &second].concat());
    let count = 8 + second.len();
    assert!(
        sentence.contains(&format!("{count} bytes behind it are not gzip")),
        "{sentence}"
    );
}

/// Labels 0 to 13 as nibabel 5 stores `numpy.arange(24) % 14` in f64 as integers of a type: slope, intercept and the
/// stored values.
const STORED: [(i16, f32, f32, [i32; 14]); 4] = [
    (
        U8,
        0.050980393,
        0.0,
        [0, 20, 39, 59, 78, 98, 118, 137, 157, 177, 196, 216, 235, 255],
    ),
    (
        I8,
        0.050980393,
        6.5254903,
        [-128, -108, -89, -69, -50, -30, -10, 9, 29, 49, 68, 88, 107, 127],
    ),
    (
        U16,
        0.00019836728,
        0.0,
        [
            0, 5041, 10082, 15123, 20165, 25206, 30247, 35288, 40329, 45370, 50412, 55453, 60494, 65535,
        ],
    ),
    (
        I16,
        0.00019836728,
        6.500099,
        [
            -32768, -27727, -22686, -17645, -12603, -7562, -2521, 2520, 7561, 12602, 17644, 22685, 27726, 32767,
        ],
    ),
];

fn scaled(datatype: i16, slope: f32, inter: f32, stored: impl Iterator<Item = i32>) -> Vec<u8> {
    let mut file = NiftiFile::new(&DIMS, datatype);
    file.f32s(field::SCL_SLOPE, &[slope, inter]);
    let bytes: Vec<u8> = stored
        .flat_map(|value| match datatype {
            U8 | I8 => vec![value as u8],
            _ => (value as u16).to_le_bytes().to_vec(),
        })
        .collect();
    file.with(&bytes)
}

fn labels(bytes: &[u8]) -> Result<LabelImage, VolumeError> {
    read(bytes).and_then(LabelImage::from_image)
}

#[test]
fn labels_that_went_through_a_slope_are_what_they_were() {
    let expected: Vec<u16> = (0..24).map(|voxel| voxel % 14).collect();
    for (datatype, slope, inter, stored) in STORED {
        let voxels = (0..24).map(|voxel| stored[voxel % 14]);
        let map = labels(&scaled(datatype, slope, inter, voxels)).expect("labels");
        assert_eq!(map.labels(), expected, "datatype {datatype}");
        assert!(map.warnings()[0].contains("were rounded"));
        // What is written has no slope any more.
        let written = labels(&map.to_nifti()).expect("labels");
        assert_eq!((written.labels(), written.warnings().len()), (&expected[..], 0));
    }
    // A slope that runs the other way: 255 is 0.
    let mirrored = (0..24).map(|voxel| 255 - STORED[0].3[voxel % 14]);
    let map = labels(&scaled(U8, -0.050980393, 13.0, mirrored)).expect("labels");
    assert_eq!(map.labels(), expected);
}

#[test]
fn fractions_are_no_labels_whatever_the_slope() {
    // Fractions from 0 to 1 in one byte, as in a probability map.
    let shares = labels(&scaled(U8, 1.0 / 255.0, 0.0, (0..24).map(|v| v * 11)));
    assert!(matches!(shares, Err(VolumeError::NotLabels(_))));
    // Half a step and a thousandth is the limit: 0.0157·64 is 1.0048, 0.0157·65 is 1.0205.
    let one = |stored| labels(&scaled(U8, 0.0157, 0.0, (0..24).map(move |_| stored)));
    assert_eq!(one(64).expect("nearly 1").present(), [1]);
    assert!(matches!(one(65), Err(VolumeError::NotLabels(_))));
    // An image with many gray levels.
    for slope in [0.25, 0.5, 0.7, 0.9] {
        let greys = labels(&scaled(I16, slope, 0.0, (0..24).map(|v| v * 7 + 1)));
        assert!(matches!(greys, Err(VolumeError::NotLabels(_))), "{slope}");
    }
    // With steps above 1 labels are lost: nibabel's slope for 0, 541, … 7033 in one byte.
    let lost = labels(&scaled(U8, 27.580393, 0.0, (0..24).map(|v| STORED[0].3[v % 14])));
    assert!(matches!(lost, Err(VolumeError::NotLabels(_))));
    // Integer slopes are exact, and floats were not rounded when stored.
    assert_eq!(
        labels(&scaled(U8, 3.0, -3.0, (0..24).map(|v| 1 + v % 2)))
            .expect("labels")
            .present(),
        [3]
    );
    let mut floats = NiftiFile::new(&DIMS, F32);
    floats.f32s(field::SCL_SLOPE, &[0.5, 0.0]);
    let floats = labels(&floats.with(&f32_bytes((0..24).map(|_| 2.2))));
    assert!(matches!(floats, Err(VolumeError::NotLabels(_))));
}

#[test]
fn ten_types_and_four_slopes_have_the_range_that_nibabel_finds() {
    // Stored −50 to 119; ranges of nibabel's get_fdata. A slope of 0 is none, and its intercept too.
    for (slope, inter, least, most) in [
        (0.0, -1024.0, -50.0, 119.0),
        (-2.0, 10.0, -228.0, 110.0),
        (0.001, 0.5, 0.45, 0.619),
        (1.0, -1024.0, -1074.0, -905.0),
    ] {
        for big_endian in [false, true] {
            let mut file = NiftiFile::in_byte_order(&DIMS, I16, big_endian);
            file.f32s(field::SCL_SLOPE, &[slope, inter]);
            let stored = i16_bytes((0..24).map(|v| if v == 0 { -50 } else { 119 - v + 1 }));
            let stored: Vec<u8> = match big_endian {
                true => stored.chunks(2).flat_map(|b| [b[1], b[0]]).collect(),
                false => stored,
            };
            let image = read(&file.with(&stored)).expect("readable");
            let values = image.canonical();
            let range = values
                .iter()
                .fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
            assert!(
                (range.0 - least).abs() < 1e-6 * least.abs() && (range.1 - most).abs() < 1e-6 * most.abs(),
                "slope {slope}: {range:?}"
            );
        }
    }
}
