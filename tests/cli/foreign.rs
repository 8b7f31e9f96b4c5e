//! Files of other programs, through the command line.

use std::fs;
use std::path::Path;

use medcontext_core::dataset::{PhantomConfig, phantom};
use medcontext_core::volume::{Image, Limits, gzip};
use tempfile::TempDir;

use crate::{core, path, phantom as phantoms, predict, refuse, succeed, text, train};

fn volume(file: &str) -> Image {
    let bytes = fs::read(file).expect("a file");
    Image::read(&bytes, &Limits::default()).expect("a volume")
}

#[test]
fn bytes_behind_a_volume_are_told_and_it_is_read() {
    let folder = TempDir::new().expect("a folder");
    let data = phantoms(folder.path());
    let scan = path(Path::new(&data), "imagesTs/phantom_004.nii.gz");
    let whole = fs::read(&scan).expect("a scan");
    let values = |file: &str, behind: &[u8]| {
        let file = path(folder.path(), file);
        fs::write(&file, [&whole[..], behind].concat()).expect("written");
        let said = succeed(&["info", &file]);
        let values = said.split("values ").nth(1).expect("a range").to_owned();
        (said, values)
    };
    let (_, expected) = values("whole.nii.gz", b"");
    let (said, range) = values("padded.nii.gz", &vec![0; 512 - whole.len() % 512]);
    assert_eq!(range, expected);
    assert!(!said.contains("ignored"), "{said}");
    let (said, range) = values("garbage.nii.gz", b"garbage");
    assert_eq!(range, expected);
    assert!(said.contains("7 byte(s) follow the gzip data"), "{said}");
    // A training run says so too, with the case's name.
    let first = scan.replace("imagesTs/phantom_004", "imagesTr/phantom_001");
    let bytes = fs::read(&first).expect("a scan");
    fs::write(&first, [&bytes[..], b"garbage"].concat()).expect("written");
    let out = path(folder.path(), "run");
    let output = core(&[&train(&data, &out)[..], &["--medcontext", "off"]].concat());
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(
        said.lines()
            .any(|line| line.contains("phantom_001") && line.contains("7 byte(s) follow")),
        "{said}"
    );
}

#[test]
fn pairs_of_header_and_voxels_are_named() {
    let folder = TempDir::new().expect("a folder");
    let case = &phantom(&PhantomConfig {
        cases: 1,
        ..PhantomConfig::default()
    })[0];
    let mut header = case.image[..352].to_vec();
    header[344..348].copy_from_slice(b"ni1\0");
    let pair = folder.path().join("pair");
    fs::create_dir(&pair).expect("a folder");
    for name in ["c1", "c1_seg"] {
        fs::write(pair.join(format!("{name}.hdr")), &header[..348]).expect("written");
        fs::write(pair.join(format!("{name}.img")), &case.image[352..]).expect("written");
    }
    let said = refuse(&["info", &path(&pair, "c1.hdr")]);
    assert!(said.contains(".hdr/.img pair"), "{said}");
    refuse(&["info", &path(&pair, "c1.img")]);
    let out = path(folder.path(), "run");
    let output = core(&train(&pair.display().to_string(), &out));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let why = "pair/c1_seg.img: half of a .hdr/.img pair, which is not read";
    assert!(said.contains(why), "{said}");
    assert!(said.contains("error: no NIfTI image was found"), "{said}");
    // Beside volumes they are skipped.
    for (name, bytes) in [("c2.nii.gz", &case.image), ("c2_seg.nii.gz", &case.label)] {
        fs::write(pair.join(name), gzip(bytes)).expect("written");
    }
    let data = pair.display().to_string();
    succeed(&[&train(&data, &out)[..], &["--medcontext", "off"]].concat());
}

/// Offsets of dim, pixdim, units, and the codes, quaternion, offsets and rows of qform and sform.
const KEPT: [std::ops::Range<usize>; 4] = [40..56, 76..108, 123..124, 252..328];

#[test]
fn a_segmentation_keeps_both_forms_bit_for_bit() {
    let folder = TempDir::new().expect("a folder");
    let data = phantoms(folder.path());
    let out = path(folder.path(), "run");
    succeed(&[&train(&data, &out)[..], &["--medcontext", "off"]].concat());
    let weights = format!("{out}/last.safetensors");
    let scan = volume(&path(Path::new(&data), "imagesTs/phantom_004.nii.gz"));
    // A qform that lies 7, -4 and 11 mm away, and a volume without either form.
    let mut moved = scan.to_nifti();
    moved[252..254].copy_from_slice(&1i16.to_le_bytes());
    for (axis, offset) in [7.0f32, -4.0, 11.0].into_iter().enumerate() {
        let at = 268 + 4 * axis;
        moved[at..at + 4].copy_from_slice(&offset.to_le_bytes());
    }
    let mut none = scan.to_nifti();
    none[252..256].fill(0);
    for (name, bytes, sentence) in [
        ("moved", moved, "sform and qform place the volume differently"),
        ("none", none, "the header has no orientation"),
    ] {
        let file = path(folder.path(), &format!("{name}.nii"));
        fs::write(&file, &bytes).expect("written");
        let predicted = path(folder.path(), "predicted");
        let output = core(&predict(&weights, &file, &predicted));
        let said = text(&output.stderr);
        assert!(output.status.success() && said.contains(sentence), "{said}");
        let map = volume(&format!("{predicted}/{name}.nii.gz")).to_nifti();
        for range in KEPT {
            assert_eq!(map[range.clone()], bytes[range.clone()], "{name}, {range:?}");
        }
    }
}
