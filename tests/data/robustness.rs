//! No bytes make the reader panic, and damage is not mistaken for data.

use medcontext_core::dataset::Case;
use medcontext_core::volume::{Image, LabelImage, Limits, gzip, inspect};

use crate::nifti_file::{I16, NiftiFile, U8, field, i16_bytes};

/// Small enough that a header which claims a lot is refused, not filled.
const LIMITS: Limits = Limits { max_bytes: 1 << 22 };

fn image_file() -> Vec<u8> {
    let mut file = NiftiFile::new(&[3, 4, 2, 2], I16);
    file.i16(field::QFORM_CODE, 1);
    file.f32s(field::QUATERN_B, &[0.1, 0.2, 0.3]);
    file.f32s(field::SCL_SLOPE, &[1.0, 0.0]);
    file.extension(0, b"<Label Key=\"1\">liver</Label>....");
    file.with(&i16_bytes(0..48))
}

fn label_file() -> Vec<u8> {
    let mut file = NiftiFile::in_byte_order(&[3, 4, 2], U8, true);
    file.extension(0, b"<Label Key=\"1\">liver</Label>....");
    file.with(&[1, 0, 2].repeat(8))
}

/// Runs every operation on a file.
fn use_everything(bytes: &[u8]) {
    if let Ok(facts) = inspect(bytes) {
        assert!(
            facts.spacing.iter().all(|size| size.is_finite() && *size > 0.0),
            "{facts:?}"
        );
        assert!(facts.oblique_degrees.is_finite());
    }
    for frame in 0..2 {
        let Ok(image) = Image::read_frame(bytes, &LIMITS, frame) else {
            continue;
        };
        let values = image.canonical();
        assert!(values.iter().all(|value| value.is_finite()));
        assert_eq!(values.shape(), image.grid().canonical_dims());
        assert!(Image::read(&image.to_nifti(), &LIMITS).is_ok());
        let Ok(label) = LabelImage::from_image(image.clone()) else {
            continue;
        };
        label.names();
        label.volumes_ml();
        let written = Image::read(&label.to_nifti(), &LIMITS).and_then(LabelImage::from_image);
        assert_eq!(written.expect("what was written is readable").labels(), label.labels());
        let _ = Case::new("case", image, Some(label));
    }
}

#[test]
fn no_single_byte_brings_it_down() {
    for whole in [image_file(), label_file()] {
        for position in 0..whole.len() {
            for value in [
                0x00,
                0x01,
                0x7f,
                0x80,
                0xff,
                whole[position] ^ 0x01,
                whole[position] ^ 0x80,
            ] {
                let mut bytes = whole.clone();
                bytes[position] = value;
                use_everything(&bytes);
            }
        }
    }
}

#[test]
fn no_number_in_the_header_brings_it_down() {
    let whole = label_file();
    for position in (0..352).step_by(2) {
        for number in [f32::NAN, f32::INFINITY, -1.0, 0.0, 1e-40, 1e38, -1e38] {
            let mut bytes = whole.clone();
            let end = (position + 4).min(352);
            bytes[position..end].copy_from_slice(&number.to_be_bytes()[..end - position]);
            use_everything(&bytes);
        }
    }
}

#[test]
fn no_random_damage_brings_it_down() {
    // A small linear congruential generator (Knuth's constants); the seed is the iteration.
    for seed in 0..4000u64 {
        let mut state = seed;
        let mut next = || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 33) as usize
        };
        let mut bytes = if next() % 2 == 0 { image_file() } else { label_file() };
        for _ in 0..1 + next() % 12 {
            let position = next() % bytes.len();
            bytes[position] = next() as u8;
        }
        bytes.truncate(bytes.len() - if next() % 4 == 0 { next() % bytes.len() } else { 0 });
        use_everything(&bytes);
    }
}

#[test]
fn every_cut_is_noticed() {
    for whole in [label_file(), gzip(&label_file())] {
        assert!(Image::read(&whole, &LIMITS).is_ok());
        for length in 0..whole.len() {
            assert!(Image::read(&whole[..length], &LIMITS).is_err(), "cut to {length} bytes");
        }
    }
}

#[test]
fn damaged_gzip_is_noticed() {
    let whole = gzip(&label_file());
    let expected = Image::read(&whole, &LIMITS).expect("whole");
    for position in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[position] ^= 1 << bit;
            // Bits of the gzip header that do not affect the data may change.
            if let Ok(image) = Image::read(&bytes, &LIMITS) {
                assert_eq!(image.voxels(), expected.voxels(), "byte {position}, bit {bit}");
                assert_eq!(image.header().bytes(), expected.header().bytes());
            }
        }
    }
}
