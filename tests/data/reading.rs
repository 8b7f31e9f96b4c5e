//! NIfTI files that are read, and those that are refused.

use medcontext_core::volume::{Image, LabelImage, Limits, VolumeError, gzip, inspect};

use crate::nifti_file::{F32, I16, NiftiFile, U8, bytes_file, counting, f32_bytes, field, gzipped, i16_bytes};

const DIMS: [i16; 3] = [2, 3, 4];

fn read(bytes: &[u8]) -> Result<Image, VolumeError> {
    Image::read(bytes, &Limits::default())
}

/// Values in canonical order; the test files are RAS, so this is the file's order.
fn values(bytes: &[u8]) -> Vec<f32> {
    read(bytes).expect("a readable file").canonical().into_iter().collect()
}

fn refusal(bytes: &[u8]) -> String {
    read(bytes).expect_err("a refused file").to_string()
}

#[test]
fn every_type_in_both_byte_orders() {
    macro_rules! check {
        ($code:expr, $number:ty, $first:expr) => {
            for big_endian in [false, true] {
                let numbers: Vec<$number> = (0..24).map(|step| ($first as i32 + step) as $number).collect();
                let bytes: Vec<u8> = numbers
                    .iter()
                    .flat_map(|n| {
                        if big_endian {
                            n.to_be_bytes()
                        } else {
                            n.to_le_bytes()
                        }
                    })
                    .collect();
                let file = NiftiFile::in_byte_order(&DIMS, $code, big_endian).with(&bytes);
                let expected: Vec<f32> = (0..24).map(|step| ($first as i32 + step) as f32).collect();
                assert_eq!(
                    values(&file),
                    expected,
                    "datatype {}, big endian {big_endian}",
                    $code
                );
                assert_eq!(values(&gzipped(&file)), expected, "datatype {} in gzip", $code);
            }
        };
    }
    check!(2, u8, 230);
    check!(256, i8, -12);
    check!(512, u16, 65500);
    check!(4, i16, -1024);
    check!(768, u32, 70000);
    check!(8, i32, -70000);
    check!(1280, u64, 16777200);
    check!(1024, i64, -16777200);
    check!(16, f32, -12);
    check!(64, f64, -12);
}

#[test]
fn slope_and_intercept() {
    let scaled = |slope: f32, inter: f32| {
        let mut file = NiftiFile::new(&DIMS, I16);
        file.f32s(field::SCL_SLOPE, &[slope, inter]);
        values(&file.with(&i16_bytes(-3..21)))[..2].to_vec()
    };
    assert_eq!(scaled(2.0, 5.0), [-1.0, 1.0]);
    assert_eq!(scaled(0.5, -1000.0), [-1001.5, -1001.0]);
    // No slope: stored values, whatever the intercept says.
    assert_eq!(scaled(0.0, 5.0), [-3.0, -2.0]);
    assert_eq!(scaled(f32::NAN, f32::NAN), [-3.0, -2.0]);
    assert_eq!(scaled(f32::INFINITY, 1.0), [-3.0, -2.0]);
    assert_eq!(scaled(2.0, f32::NAN), [-6.0, -4.0]);
}

#[test]
fn gzip_is_known_by_its_first_bytes() {
    let plain = counting(DIMS);
    let expected = values(&plain);
    assert_eq!(values(&gzip(&plain)), expected);
    // Members of a multi-member file may end anywhere.
    for cut in [100, 352, 360] {
        let members = [gzipped(&plain[..cut]), gzipped(&plain[cut..])].concat();
        assert_eq!(values(&members), expected);
    }
    // More bytes than the header declares are harmless.
    assert_eq!(values(&[plain.clone(), vec![7; 50]].concat()), expected);
}

#[test]
fn non_finite_voxels_are_zero_and_counted() {
    let mut numbers: Vec<f32> = (1..25).map(|n| n as f32).collect();
    (numbers[3], numbers[7], numbers[8]) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
    let image = read(&NiftiFile::new(&DIMS, F32).with(&f32_bytes(numbers))).expect("readable");
    assert_eq!(image.non_finite(), 3);
    assert!(
        image
            .warnings()
            .iter()
            .any(|w| w.contains("3 voxels are NaN or infinite")),
        "{:?}",
        image.warnings()
    );
    let read: Vec<f32> = image.canonical().into_iter().collect();
    assert_eq!(read[2..10], [3.0, 0.0, 5.0, 6.0, 7.0, 0.0, 0.0, 10.0]);
    assert_eq!(
        LabelImage::from_image(image).expect("whole numbers").labels()[2..5],
        [3, 0, 5]
    );
}

#[test]
fn a_fourth_axis() {
    let series = NiftiFile::new(&[2, 3, 4, 3], I16).with(&i16_bytes(0..72));
    assert_eq!(
        refusal(&series),
        "this is a 4D series of 3 frames; choose a frame and save it as a 3D volume"
    );
    for (frame, first) in [(0, 0.0), (1, 24.0), (2, 48.0)] {
        for bytes in [series.clone(), gzipped(&series)] {
            let image = Image::read_frame(&bytes, &Limits::default(), frame).expect("the frame is there");
            assert_eq!((image.grid().dims, image.frames()), ([2, 3, 4], 3));
            assert_eq!(image.canonical()[[0, 0, 0]], first);
            assert_eq!(image.canonical()[[3, 2, 1]], first + 23.0);
        }
    }
    let missing = Image::read_frame(&series, &Limits::default(), 3).expect_err("three frames");
    assert_eq!(
        missing.to_string(),
        "there is no frame 3; the file has 3, counted from 0"
    );
    assert_eq!(inspect(&series).expect("a series has facts").frames, 3);

    let one_frame = NiftiFile::new(&[2, 3, 4, 1, 1], I16).with(&i16_bytes(0..24));
    let image = read(&one_frame).expect("one frame is a volume");
    assert_eq!((image.grid().dims, image.frames()), ([2, 3, 4], 1));
    let vectors = NiftiFile::new(&[2, 3, 4, 1, 3], I16).with(&i16_bytes(0..72));
    assert!(refusal(&vectors).starts_with("each voxel holds a vector (dimensions 2×3×4×1×3)"));
}

/// Files with the words that say why they cannot be used.
fn assert_refused(cases: Vec<(Vec<u8>, &str)>) {
    for (bytes, expected) in cases {
        let said = refusal(&bytes);
        assert!(said.contains(expected), "{said:?} does not say {expected:?}");
        assert!(
            !said.contains('\n') && !said.ends_with('.'),
            "one plain sentence: {said:?}"
        );
    }
}

/// A file whose header is edited.
fn with(edit: impl Fn(&mut NiftiFile)) -> Vec<u8> {
    let mut file = NiftiFile::new(&DIMS, I16);
    edit(&mut file);
    file.with(&i16_bytes(0..24))
}

#[test]
fn files_of_other_formats_cannot_be_used() {
    assert_refused(vec![
        (vec![], "not a NIfTI file"),
        (b"hello".to_vec(), "not a NIfTI file"),
        (vec![0; 5000], "not a NIfTI file"),
        (b"\x89PNG\r\n\x1a\n".repeat(100), "not a NIfTI file"),
        (
            gzip(b"some text that was compressed, and long enough to be a header"),
            "not a NIfTI file",
        ),
        (with(|f| f.bytes[344] = b'x'), "not a NIfTI file"),
        (with(|f| f.bytes[345] = b'i'), "a .hdr/.img pair"),
        (with(|f| f.i32(0, 540)), "NIfTI-2"),
        (
            NiftiFile::in_byte_order(&DIMS, I16, true)
                .with(&[0; 48])
                .tap(|b| b[2..4].copy_from_slice(&[2, 28])),
            "NIfTI-2",
        ),
    ]);
}

#[test]
fn files_that_are_cut_short_or_damaged_cannot_be_used() {
    let whole = counting(DIMS);
    let zipped = gzip(&whole);
    assert_refused(vec![
        (whole[..whole.len() - 1].to_vec(), "ends before its last voxel"),
        (whole[..200].to_vec(), "ends before its last voxel"),
        (zipped[..zipped.len() - 9].to_vec(), "ends before its last voxel"),
        (zipped[..zipped.len() - 1].to_vec(), "ends before its last voxel"),
        (zipped[..12].to_vec(), "ends before its last voxel"),
        (
            zipped.clone().tap(|b| {
                let at = b.len() - 6;
                b[at] ^= 1;
            }),
            "gzip data is damaged",
        ),
    ]);
}

#[test]
fn files_whose_headers_make_no_volume_cannot_be_used() {
    assert_refused(vec![
        (
            NiftiFile::new(&[64, 64], U8).with(&[0; 4096]),
            "2D image of 64×64 voxels",
        ),
        (
            NiftiFile::new(&[64, 64, 1], U8).with(&[0; 4096]),
            "2D image of 64×64×1 voxels",
        ),
        (NiftiFile::new(&[64], U8).with(&[0; 64]), "2D image of 64 voxels"),
        (with(|f| f.i16(field::DATATYPE, 32)), "complex numbers"),
        (with(|f| f.i16(field::DATATYPE, 128)), "RGB colors"),
        (with(|f| f.i16(field::DATATYPE, 2304)), "RGB colors"),
        (with(|f| f.i16(field::DATATYPE, 1536)), "128-bit floats"),
        (with(|f| f.i16(field::DATATYPE, 1)), "single bits"),
        (with(|f| f.i16(field::DATATYPE, 77)), "there is no datatype 77"),
        (with(|f| f.i16(field::DIM, 0)), "it counts 0 dimensions"),
        (with(|f| f.i16(field::DIM, 8)), "it counts 8 dimensions"),
        (with(|f| f.i16(field::DIM + 4, -3)), "dimension 2 is -3"),
        (with(|f| f.i16(field::DIM + 4, 0)), "dimension 2 is 0"),
        (
            with(|f| f.f32(field::VOX_OFFSET, f32::NAN)),
            "said to start at byte NaN",
        ),
        (with(|f| f.f32(field::VOX_OFFSET, -1.0)), "said to start at byte -1"),
        (
            with(|f| f.f32(field::VOX_OFFSET, 1e9)),
            "said to start at byte 1000000000",
        ),
    ]);
}

#[test]
fn memory_is_bounded_before_it_is_taken() {
    // 48 bytes that claim 32767³ voxels.
    let huge = NiftiFile::new(&[32767, 32767, 32767], I16).with(&[0; 48]);
    let expected = "it needs 134205441 MiB of memory and the limit is 2048 MiB";
    assert!(refusal(&huge).starts_with(expected), "{}", refusal(&huge));
    assert!(refusal(&gzip(&huge)).starts_with(expected));
    // Doubles count as stored, everything else as f32.
    let limits = |max_bytes| Limits { max_bytes };
    let bytes = bytes_file(DIMS, &[1; 24]);
    assert!(Image::read(&bytes, &limits(96)).is_ok());
    assert!(matches!(
        Image::read(&bytes, &limits(95)),
        Err(VolumeError::TooLarge { .. })
    ));
    // Bytes after the voxels are not inflated: 1 GiB of zeros after them costs nothing.
    let mut bomb = gzipped(&bytes);
    let mebibyte = gzipped(&vec![0; 1 << 20]);
    for _ in 0..1024 {
        bomb.extend(&mebibyte);
    }
    assert_eq!(values(&bomb), [1.0; 24]);
}

#[test]
fn facts_without_voxels() {
    let mut file = NiftiFile::new(&[512, 400, 300], I16);
    file.f32s(
        field::SROW_X,
        &[0.0, 0.0, 2.0, 0.0, -0.7, 0.0, 0.0, 0.0, 0.0, 0.8, 0.0, 0.0],
    );
    file.bytes[field::DESCRIP..field::DESCRIP + 7].copy_from_slice(b"scan 12");
    // The voxels are missing completely.
    let facts = inspect(&gzip(&file.bytes)).expect("facts");
    assert_eq!(facts.grid.dims, [512, 400, 300]);
    assert_eq!(facts.orientation, "PSR");
    assert_eq!(facts.decoded_bytes, 512 * 400 * 300 * 4);
    assert_eq!(facts.description, "scan 12");
    assert!(
        facts
            .spacing
            .iter()
            .zip([0.7, 0.8, 2.0])
            .all(|(a, b)| (a - b).abs() < 1e-6)
    );
}

/// Edits a value in passing.
trait Tap: Sized {
    fn tap(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }
}

impl Tap for Vec<u8> {}
