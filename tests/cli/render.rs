//! `core render`: a picture of a scan with true labels and predictions, and a sentence for what cannot be drawn.

use std::fs;
use std::path::Path;

use medcontext_core::volume::{Image, LabelImage, Limits};
use tempfile::TempDir;

use crate::{path, phantom, refuse, succeed, text};

/// Width and height of a PNG file, by its header.
pub fn size(file: &Path) -> [u32; 2] {
    let bytes = fs::read(file).expect("a picture");
    assert_eq!(bytes[..8], *b"\x89PNG\r\n\x1a\n");
    [16, 20].map(|at| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("4 bytes")))
}

/// Writes the true labels of a phantom without those of the slices from the given one on.
fn cut(truth: &str, out: &Path, from: usize) {
    let image = Image::read(&fs::read(truth).expect("a map"), &Limits::default()).expect("a volume");
    let mut labels = LabelImage::from_image(image.clone()).expect("labels").canonical();
    labels.slice_mut(ndarray::s![from.., .., ..]).fill(0);
    let map = LabelImage::from_canonical(labels, &image).expect("the same grid");
    fs::write(out, map.to_nifti()).expect("written");
}

#[test]
fn panels_of_a_phantom() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let case = |part: &str| format!("{data}/{part}/phantom_001.nii.gz");
    let (scan, truth) = (case("imagesTr"), case("labelsTr"));
    let [found, out] = ["found.nii", "panels.png"].map(|name| folder.path().join(name));
    cut(&truth, &found, 10);
    let [found, picture] = [&found, &out].map(|file| file.display().to_string());
    let image = ["render", "--image", &scan, "--out", &picture];
    let told = succeed(&image);
    assert!(
        told.contains("panels.png: axial slice ") && told.contains("window -160 to 240"),
        "{told}"
    );
    let [alone, _] = size(&out);
    let labels = [
        "--truth",
        &truth,
        "--prediction",
        &truth,
        &found,
        "--name",
        "Same",
        "Cut",
    ];
    let told = succeed(&[&image[..], &labels].concat());
    let slice: usize = told.split(' ').nth(3).expect("words").parse().expect("a number");
    assert!(slice >= 10, "where labels were taken away: {told}");
    let [wide, _] = size(&out);
    // Panels with 12 pixels between, and a margin of 10.
    assert_eq!(wide - 20, 4 * (alone - 20) + 3 * 12);
    let more = ["--plane", "sagittal", "--slice", "3", "--window", "-1000,1000"];
    let told = succeed(&[&image[..], &labels, &more].concat());
    assert!(
        told.contains("sagittal slice 3 of") && told.contains("window -1000 to 1000"),
        "{told}"
    );
}

#[test]
fn what_cannot_be_drawn_gets_a_sentence() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let file = |part: &str, case: usize| format!("{data}/{part}/phantom_00{case}.nii.gz");
    let (scan, truth, other) = (file("imagesTr", 1), file("labelsTr", 1), file("labelsTr", 2));
    let out = path(folder.path(), "panels.png");
    let jpg = path(folder.path(), "panels.jpg");
    for (more, parts) in [
        (vec!["--truth", &other], ["phantom_002.nii.gz", "grid of the scan"]),
        (
            vec!["--prediction", &truth, &other],
            ["phantom_002.nii.gz", "grid of the scan"],
        ),
        (vec!["--truth", &scan], ["phantom_001.nii.gz", "is negative"]),
        (vec!["--prediction", "none.nii"], ["none.nii", "cannot be read"]),
        (
            vec!["--slice", "999"],
            ["phantom_001.nii.gz", "there is no axial slice 999"],
        ),
        (
            vec!["--prediction", &truth, "--name", "A", "B"],
            ["2 --name", "1 --prediction"],
        ),
        (vec!["--out", &jpg], ["panels.jpg", ".png"]),
    ] {
        let arguments = [vec!["render", "--image", &scan], more].concat();
        let own = if arguments.contains(&"--out") {
            vec![]
        } else {
            vec!["--out", &out]
        };
        let sentence = refuse(&[arguments, own].concat());
        assert!(parts.iter().all(|part| sentence.contains(part)), "{sentence}");
    }
    assert!(!Path::new(&out).exists() && !Path::new(&jpg).exists());
    for wrong in [["--window", "5,1"], ["--slice", "last"], ["--plane", "oblique"]] {
        let output = crate::core(&[&["render", "--image", &scan, "--out", &out][..], &wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", text(&output.stderr));
    }
}

#[test]
fn a_scan_is_never_replaced_by_its_picture() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let scan = folder.path().join("scan.png");
    fs::copy(format!("{data}/imagesTr/phantom_001.nii.gz"), &scan).expect("copied");
    let scan = scan.display().to_string();
    let sentence = refuse(&["render", "--image", &scan, "--out", &scan]);
    assert!(sentence.contains("would be replaced"), "{sentence}");
}
