//! Files with every name that a file system allows, links and hidden files among them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use medcontext_core::volume::{Image, Limits, gzip};
use tempfile::TempDir;

use crate::{nifti, path, predict, refuse, succeed, text, train, trained};

/// An image or a label map of 16×16×`slices` voxels; the number of slices identifies it.
pub fn volume(slices: i16, labels: bool) -> Vec<u8> {
    let count = 256 * slices as usize;
    let voxels: Vec<u8> = match labels {
        true => (0..count).map(|at| u8::from(at % 16 < 5)).collect(),
        false => (0..count).map(|at| (at * 7 % 100) as u8).collect(),
    };
    let mut bytes = nifti([3, 16, 16, slices, 1], 2, 8, &voxels);
    // An sform along the axes, 1 mm per voxel.
    bytes[254] = 1;
    for axis in 0..3 {
        bytes[280 + 20 * axis..284 + 20 * axis].copy_from_slice(&1f32.to_le_bytes());
    }
    bytes
}

/// Writes a volume, compressed where its name says so.
pub fn put(file: &Path, slices: i16, labels: bool) {
    fs::create_dir_all(file.parent().expect("a folder")).expect("made");
    let name = file.to_string_lossy().to_lowercase();
    let bytes = volume(slices, labels);
    let bytes = if name.ends_with(".gz") { gzip(&bytes) } else { bytes };
    fs::write(file, bytes).expect("written");
}

/// Writes an image and its label map.
fn put_case(data: &Path, file: &str, slices: i16) {
    put(&data.join("imagesTr").join(file), slices, false);
    put(&data.join("labelsTr").join(file), slices, true);
}

/// Names of a folder's files, sorted.
pub fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into()).collect();
    names.sort();
    names
}

/// Slices of every label map of a folder.
fn slices(folder: &Path) -> BTreeSet<usize> {
    let slices = |name: String| {
        let bytes = fs::read(folder.join(name)).expect("readable");
        let image = Image::read(&bytes, &Limits::default()).expect("a volume");
        image.grid().dims[2]
    };
    files(folder).into_iter().map(slices).collect()
}

/// Number of cases that a run was trained on.
fn trained_on(run: &str) -> u64 {
    let log = fs::read_to_string(Path::new(run).join("log.jsonl")).expect("a log");
    let started = log.lines().next().expect("an event");
    let event: serde_json::Value = serde_json::from_str(started).expect("JSON");
    event["training_cases"].as_u64().expect("a number")
}

#[test]
fn letters_blanks_and_signs_stay_as_they_are() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let stems = [
        "Müller Ä_1",
        "肺结节_2",
        "1.2.840.113619.2",
        "case (3) [final]",
        "-dash",
        "a,b 'q'",
        "100%_x",
    ];
    for (number, stem) in stems.iter().enumerate() {
        put_case(&data, &format!("{stem}.nii.gz"), 16 + number as i16);
    }
    put_case(&data, "loud.NII.GZ", 30);
    put_case(&data, "mixed.Nii", 31);
    let [data, run, out, stl, csv] = ["data", "run", "out", "stl", "e.csv"].map(|name| path(folder.path(), name));
    let said = text(&crate::core(&train(&data, &run)).stderr);
    assert_eq!(trained_on(&run), 9, "{said}");

    let weights = trained(folder.path());
    let images = format!("{data}/imagesTr");
    succeed(&predict(&weights, &images, &out));
    let mut expected: Vec<String> = stems.map(|stem| format!("{stem}.nii.gz")).into();
    expected.extend(["loud.nii.gz", "mixed.nii.gz"].map(str::to_owned));
    expected.sort();
    assert_eq!(files(Path::new(&out)), expected);

    let one = path(folder.path(), "one");
    succeed(&predict(&weights, &format!("{images}/loud.NII.GZ"), &one));
    assert_eq!(files(Path::new(&one)), ["loud.nii.gz"]);

    let truth = format!("{data}/labelsTr");
    succeed(&["evaluate", "--prediction", &out, "--truth", &truth, "--csv", &csv]);
    let table = fs::read_to_string(&csv).expect("a table");
    assert!(table.contains("\"a,b 'q'\""), "{table}");
    succeed(&["surface", "--labels", &truth, "--out", &stl]);
    assert_eq!(files(Path::new(&stl)).len(), 9);
}

#[cfg(target_os = "linux")]
#[test]
fn names_in_other_encodings_and_of_windows_archives_are_read() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let folder = TempDir::new().expect("a folder");
    let root = folder.path().join("data");
    // ISO 8859-1, and a file that an archive of Windows left: its folders are in its name.
    for (names, slices) in [
        ([&b"imagesTr/M\xfcller.nii"[..], b"labelsTr/M\xfcller.nii"], 16),
        ([b"imagesTr\\case.nii.gz", b"labelsTr\\case.nii.gz"], 17),
    ] {
        let [image, label] = names.map(|name| root.join(OsString::from_vec(name.to_vec())));
        put(&image, slices, false);
        put(&label, slices, true);
    }
    let [data, run, cache, out, stl] = ["data", "run", "cache", "out", "stl"].map(|name| path(folder.path(), name));
    let output = crate::core(&[train(&data, &run), vec!["--cache", &cache]].concat());
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("left out"), "{said}");
    assert_eq!(trained_on(&run), 2);

    succeed(&predict(&trained(folder.path()), &data, &out));
    assert_eq!(files(Path::new(&out)), ["Müller.nii.gz", "case.nii.gz"]);
    assert_eq!(slices(Path::new(&out)), BTreeSet::from([16, 17]));
    let table = succeed(&["evaluate", "--prediction", &out, "--truth", &data]);
    assert!(table.contains("Müller") || !table.contains("without"), "{table}");
    succeed(&["surface", "--labels", &out, "--out", &stl]);

    let (one, latin) = (path(folder.path(), "one"), b"imagesTr/M\xfcller.nii".to_vec());
    let file = root.join(OsString::from_vec(latin));
    let mut command = std::process::Command::new(medcontext_tests::core_binary());
    command.args(["predict", "--weights", &trained(folder.path()), "--output", &one]);
    let output = command.arg("--input").arg(file).output().expect("core starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(files(Path::new(&one)), ["Müller.nii.gz"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_once_and_broken_ones_named() {
    use std::os::unix::fs::symlink;
    let folder = TempDir::new().expect("a folder");
    let (data, real) = (folder.path().join("data"), folder.path().join("real"));
    fs::create_dir_all(data.join("imagesTr")).expect("made");
    for case in ["c1", "c2", "c3"] {
        let file = format!("{case}.nii.gz");
        put(&real.join("labels").join(&file), 16, true);
        symlink(Path::new("../../real").join(&file), data.join("imagesTr").join(&file)).expect("linked");
    }
    put(&real.join("c1.nii.gz"), 16, false);
    put(&real.join("c2.nii.gz"), 16, false);
    symlink("../real/labels", data.join("labelsTr")).expect("linked");
    for (to, name) in [
        (".", "round"),
        ("..", "imagesTr/up"),
        ("imagesTr", "imagesTr2"),
        ("nowhere", "labelsVal"),
    ] {
        symlink(to, data.join(name)).expect("linked");
    }
    let [data, run, out] = ["data", "run", "out"].map(|name| path(folder.path(), name));
    let output = crate::core(&train(&data, &run));
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(trained_on(&run), 2, "{said}");
    for part in ["c3.nii.gz", "data/labelsVal: what the link leads to"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let strict = path(folder.path(), "strict");
    let arguments = [train(&data, &strict), vec!["--strict"]].concat();
    assert!(refuse(&arguments).contains("labelsVal"));
    fs::remove_file(format!("{data}/labelsVal")).expect("removed");
    assert!(refuse(&arguments).contains("c3.nii.gz"));

    // The exit code reports that something was not done.
    let images = format!("{data}/imagesTr");
    let output = crate::core(&predict(&trained(folder.path()), &images, &out));
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("c3.nii.gz"));
    assert_eq!(files(Path::new(&out)), ["c1.nii.gz", "c2.nii.gz"]);
    succeed(&["evaluate", "--prediction", &out, "--truth", &data]);
}

#[test]
fn hidden_files_are_passed_over() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    for part in ["imagesTr", "labelsTr"] {
        let labels = part == "labelsTr";
        let part = data.join(part);
        for name in [
            "c1.nii.gz",
            "c2.nii.gz",
            ".ipynb_checkpoints/c1-checkpoint.nii.gz",
            ".hidden/c3.nii.gz",
            ".c4.nii.gz",
        ] {
            put(&part.join(name), 16, labels);
        }
        for name in ["._c1.nii.gz", ".DS_Store", "c5.nii.gz.partial"] {
            fs::write(part.join(name), b"\0\x05\x16\x07").expect("written");
        }
    }
    put(&data.join("__MACOSX/imagesTr/c1.nii.gz"), 16, false);
    let [data, run, out, stl] = ["data", "run", "out", "stl"].map(|name| path(folder.path(), name));
    let output = crate::core(&train(&data, &run));
    assert_eq!(text(&output.stderr), "");
    assert_eq!(trained_on(&run), 2);
    let images = format!("{data}/imagesTr");
    succeed(&predict(&trained(folder.path()), &images, &out));
    assert_eq!(files(Path::new(&out)), ["c1.nii.gz", "c2.nii.gz"]);
    let labels = format!("{data}/labelsTr");
    let told = succeed(&["evaluate", "--prediction", &labels, "--truth", &labels]);
    assert!(!told.contains("without"), "{told}");
    succeed(&["surface", "--labels", &labels, "--out", &stl]);
    assert_eq!(files(Path::new(&stl)), ["c1_1.stl", "c2_1.stl"]);
}

#[test]
fn names_as_long_as_a_file_system_takes() {
    let folder = TempDir::new().expect("a folder");
    let (data, test) = (folder.path().join("data"), folder.path().join("test"));
    let longest: [String; 2] = ["a", "b"].map(|last| format!("{}{last}.nii.gz", "x".repeat(247)));
    for (number, name) in longest.iter().enumerate() {
        assert_eq!(name.len(), 255);
        put_case(&data, name, 16 + number as i16);
        put(&test.join("imagesTs").join(name), 16 + number as i16, false);
    }
    let [data, run, cache, out, stl, images] =
        ["data", "run", "cache", "out", "stl", "test/imagesTs"].map(|name| path(folder.path(), name));
    succeed(&[train(&data, &run), vec!["--cache", &cache]].concat());
    // Fingerprints and prepared cases.
    assert_eq!(files(Path::new(&cache)).len(), 4);

    let weights = trained(folder.path());
    let arguments = predict(&weights, &images, &out);
    let told = succeed(&[arguments, vec!["--uncertainty", "--logits"]].concat());
    let written = files(Path::new(&out));
    assert_eq!(written.len(), 6, "{written:?}");
    for name in &longest {
        assert!(written.contains(name), "{written:?}");
    }
    for name in written.iter().filter(|name| !longest.contains(name)) {
        assert!(name.len() <= 255 && told.contains(name.as_str()), "{name}");
        assert!(
            name.ends_with("_uncertainty.nii.gz") || name.ends_with(".logits.safetensors"),
            "{name}"
        );
    }
    let labels = format!("{data}/labelsTr");
    succeed(&["surface", "--labels", &labels, "--out", &stl]);
    let surfaces = files(Path::new(&stl));
    assert_eq!(surfaces.len(), 2);
    assert!(surfaces.iter().all(|name| name.ends_with("_1.stl")), "{surfaces:?}");

    // A whole path can still be too long.
    let deep: PathBuf = std::iter::repeat_n("d".repeat(200), 30).collect();
    let deep = path(folder.path(), &deep.to_string_lossy());
    let one = format!("{images}/{}", longest[0]);
    let sentence = refuse(&predict(&weights, &one, &deep));
    assert!(sentence.contains("cannot be written"), "{sentence}");
    #[cfg(unix)]
    assert!(sentence.contains("a shorter path"), "{sentence}");
}

#[test]
fn no_two_cases_are_written_to_one_file() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let names = [
        "A.nii",
        "d/e.nii.gz",
        "d_e.nii.gz",
        "other/e.nii.gz",
        "Case.nii.gz",
        "more/CASE.nii.gz",
        "Jos\u{e9}.nii.gz",
        "more/Jose\u{301}.nii.gz",
        "x.nii.gz",
        "x_uncertainty.nii.gz",
    ];
    for (number, name) in names.iter().enumerate() {
        put(&data.join(name), 2 + number as i16, false);
    }
    let weights = trained(folder.path());
    let [data, out, parts, both] = ["data", "out", "parts", "both"].map(|name| path(folder.path(), name));
    succeed(&predict(&weights, &data, &out));
    let written = files(Path::new(&out));
    assert_eq!(written.len(), names.len(), "{written:?}");
    // Each is the segmentation of another image.
    let expected = (2..2 + names.len()).collect::<BTreeSet<usize>>();
    assert_eq!(slices(Path::new(&out)), expected);
    let lower: BTreeSet<String> = written.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(lower.len(), names.len(), "on no file system: {written:?}");

    for part in ["0/3", "1/3", "2/3"] {
        succeed(&[predict(&weights, &data, &parts), vec!["--shard", part]].concat());
    }
    for name in &written {
        let bytes = |folder: &str| fs::read(Path::new(folder).join(name)).expect("a file");
        assert_eq!(bytes(&parts), bytes(&out), "{name}");
    }
    assert_eq!(files(Path::new(&parts)), written);

    let told = succeed(&[predict(&weights, &data, &both), vec!["--uncertainty"]].concat());
    let written = files(Path::new(&both));
    assert_eq!(written.len(), 2 * names.len(), "{written:?}");
    // The segmentation keeps the name of its case, and the other one's map is reported.
    let taken = Path::new(&both).join("x_uncertainty.nii.gz");
    let image = Image::read(&fs::read(taken).expect("a file"), &Limits::default());
    assert_eq!(image.expect("a volume").grid().dims[2], 11);
    let said = told.lines().find(|line| line.contains("x_2_uncertainty.nii.gz"));
    assert!(said.is_some_and(|line| line.starts_with("x: ")), "{told}");
}

#[test]
fn surfaces_of_two_cases_are_told_apart() {
    let folder = TempDir::new().expect("a folder");
    let maps = folder.path().join("maps");
    for (number, name) in ["a/b.nii", "a_b.nii", "A_B.nii.gz"].iter().enumerate() {
        put(&maps.join(name), 2 + number as i16, true);
    }
    let [maps, stl] = ["maps", "stl"].map(|name| path(folder.path(), name));
    let told = succeed(&["surface", "--labels", &maps, "--out", &stl]);
    let written = files(Path::new(&stl));
    let lower: BTreeSet<String> = written.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(lower.len(), 3, "{written:?}");
    // 5 of 16 columns, 16 rows and 2, 3 and 4 slices of 1 mm³.
    for volume in ["(0.160 mL", "(0.240 mL", "(0.320 mL"] {
        assert!(told.contains(volume), "{volume} in {told}");
    }
}
