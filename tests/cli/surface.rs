//! `core surface`: a file for each label, named by its name.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use medcontext_core::volume::{Affine, Form, Grid, Image, LabelImage, Voxels};
use tempfile::TempDir;

use crate::{nifti, path, refuse, refuse_all, succeed};

/// Writes a map of 6³ voxels of 1 mm with a cube of 27 voxels of each of the labels 1 and 2, with names.
fn named(file: &Path, names: &[(u16, &str)]) {
    let mut voxels = vec![0; 216];
    for (at, label) in voxels.iter_mut().enumerate() {
        let [i, j, k] = [at % 6, at / 6 % 6, at / 36];
        *label = u8::from(j < 3 && k < 3) * (1 + u8::from(i > 2));
    }
    let grid = Grid {
        dims: [6; 3],
        affine: Affine([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]),
        form: Form::Sform,
    };
    let image = Image::new(Voxels::U8(voxels), grid).expect("filled");
    let labels = LabelImage::from_image(image.clone()).expect("labels");
    let names: BTreeMap<u16, String> = names.iter().map(|&(id, name)| (id, name.into())).collect();
    let map = LabelImage::drawn(labels, &image, &names).expect("same shape");
    fs::create_dir_all(file.parent().expect("a folder")).expect("made");
    fs::write(file, map.to_nifti()).expect("written");
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("a file").file_name().to_string_lossy().into())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_for_each_label_of_a_folder() {
    let folder = TempDir::new().expect("a folder");
    let maps = folder.path().join("maps");
    named(
        &maps.join("a.nii"),
        &[(1, "left/right <lobe>"), (2, "Left right  lobe ")],
    );
    named(&maps.join("more/b_seg.nii"), &[(2, "spleen")]);
    let (labels, out) = (path(folder.path(), "maps"), path(folder.path(), "stl"));
    let told = succeed(&["surface", "--labels", &labels, "--out", &out]);
    let expected = [
        "a_left_right__lobe_.stl",
        "a_Left_right__lobe.stl",
        "more_b_seg_1.stl",
        "more_b_seg_spleen.stl",
    ];
    let found = files(&folder.path().join("stl"));
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for name in expected {
        let bytes = fs::read(folder.path().join("stl").join(name)).expect(name);
        let count = u32::from_le_bytes(bytes[80..84].try_into().expect("4 bytes"));
        assert_eq!(bytes.len(), 84 + 50 * count as usize);
        let line = format!("{name}: {count} triangles, 0.0");
        assert!(told.contains(&line), "{line} in {told}");
    }
    assert_eq!(told.lines().count(), expected.len(), "{told}");
    assert!(
        told.lines().all(|line| line.ends_with("(0.027 mL by voxels)")),
        "{told}"
    );

    // A folder that is not empty is left alone.
    let one = path(&maps, "more/b_seg.nii");
    let sentence = refuse(&["surface", "--labels", &one, "--out", &out]);
    assert!(sentence.contains("--force"), "{sentence}");
    let told = succeed(&["surface", "--labels", &one, "--out", &out, "--force"]);
    assert!(told.contains("b_seg_spleen.stl: "), "{told}");
}

#[test]
fn labels_of_one_name_get_two_files() {
    let folder = TempDir::new().expect("a folder");
    let map = folder.path().join("a.nii");
    named(&map, &[(1, "Lobe?"), (2, "lobe:")]);
    let out = path(folder.path(), "stl");
    succeed(&["surface", "--labels", &map.display().to_string(), "--out", &out]);
    assert_eq!(files(Path::new(&out)), ["a_Lobe_.stl", "a_lobe__2.stl"]);
}

#[test]
fn what_is_no_label_map_gets_a_sentence() {
    let folder = TempDir::new().expect("a folder");
    let out = path(folder.path(), "stl");
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).expect("written");
        path(folder.path(), name)
    };
    let halves: Vec<u8> = [0.5f32; 64].iter().flat_map(|value| value.to_le_bytes()).collect();
    let image = write("image.nii", &nifti([3, 4, 4, 4, 1], 16, 32, &halves));
    let sentence = refuse(&["surface", "--labels", &image, "--out", &out]);
    assert!(
        sentence.contains("image.nii") && sentence.contains("not a whole number"),
        "{sentence}"
    );

    let many: Vec<u8> = (0..1331u16).flat_map(u16::to_le_bytes).collect();
    let many = write("grey.nii", &nifti([3, 11, 11, 11, 1], 512, 16, &many));
    let sentence = refuse(&["surface", "--labels", &many, "--out", &out]);
    assert!(
        sentence.contains("grey.nii") && sentence.contains("1330 different"),
        "{sentence}"
    );

    let text = write("notes.txt", b"no volume");
    let sentence = refuse(&["surface", "--labels", &text, "--out", &out]);
    assert!(
        sentence.contains("notes.txt") && sentence.contains("NIfTI"),
        "{sentence}"
    );

    fs::create_dir(&out).expect("made, for nothing was written yet");
    let none = path(folder.path(), "none.nii");
    let sentence = refuse(&["surface", "--labels", &none, "--out", &out]);
    assert!(sentence.contains("none.nii"), "{sentence}");
    let sentence = refuse(&["surface", "--labels", &out, "--out", &out]);
    assert!(sentence.contains("holds no label map"), "{sentence}");
    assert!(files(Path::new(&out)).is_empty());

    // In a folder, the others are done.
    named(&folder.path().join("good.nii"), &[]);
    let labels = folder.path().display().to_string();
    let told = refuse_all(&["surface", "--labels", &labels, "--out", &out]);
    assert!(told.contains("image.nii") && told.contains("2 of 3 files"), "{told}");
    assert_eq!(files(Path::new(&out)), ["good_1.stl", "good_2.stl"]);
}
