use std::ffi::OsString;

use super::*;

/// A folder `data` with empty files.
fn folder(files: &[&str]) -> (Temporary, PathBuf) {
    let temporary = Temporary::new();
    let root = temporary.0.join("data");
    for file in files {
        let path = root.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, "").expect("written");
    }
    (temporary, root)
}

/// A folder that is deleted at the end of the test.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Self {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("listing-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("made");
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("removed");
    }
}

fn list(root: &Path) -> Listing {
    Listing::of(root).expect("a folder")
}

#[test]
fn hidden_files_and_folders_are_passed_over() {
    let (_kept, root) = folder(&[
        "imagesTr/c1.nii.gz",
        "imagesTr/._c1.nii.gz",
        "imagesTr/.DS_Store",
        "imagesTr/.ipynb_checkpoints/c1-checkpoint.nii.gz",
        "imagesTr/c2.nii.gz.partial",
        "__MACOSX/imagesTr/c1.nii.gz",
        "@eaDir/c1.nii.gz",
        ".git/c1.nii.gz",
        "more/1.2.nii",
    ]);
    let listing = list(&root);
    assert_eq!(listing.names(), ["data/imagesTr/c1.nii.gz", "data/more/1.2.nii"]);
    assert_eq!(listing.names_below(), ["imagesTr/c1.nii.gz", "more/1.2.nii"]);
    assert_eq!(listing.problems().count(), 0);
    // A folder that was asked for is not skipped, whatever its name.
    let listing = list(&root.join("imagesTr/.ipynb_checkpoints"));
    assert_eq!(listing.names(), [".ipynb_checkpoints/c1-checkpoint.nii.gz"]);
}

#[test]
fn a_folder_has_its_own_name_however_it_is_given() {
    let (_kept, root) = folder(&["imagesTs/c1.nii.gz"]);
    let images = root.join("imagesTs");
    for given in [
        images.clone(),
        images.join("."),
        images.join("..").join("imagesTs"),
        root.join("."),
        images.join(".."),
    ] {
        let names = list(&given).names();
        assert_eq!(names.len(), 1, "{given:?}");
        assert!(names[0].ends_with("imagesTs/c1.nii.gz"), "{names:?}");
        assert!(!names[0].contains(".."), "{names:?}");
    }
    assert_eq!(list(&images.join("..")).names(), ["data/imagesTs/c1.nii.gz"]);
}

#[test]
fn what_is_written_to_is_left_out() {
    let (_kept, root) = folder(&["a.nii", "out/a.nii.gz", "output/b.nii"]);
    let listing = Listing::without(&root, Some(&root.join("out"))).expect("a folder");
    assert_eq!(listing.names_below(), ["a.nii", "output/b.nii"]);
    let listing = Listing::without(&root, Some(&root)).expect("a folder");
    assert_eq!(listing.names_below().len(), 3);
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_every_folder_once() {
    use std::os::unix::fs::symlink;
    let (kept, root) = folder(&["imagesTr/c1.nii.gz", "imagesTr/c2.nii.gz"]);
    let elsewhere = kept.0.join("elsewhere");
    fs::create_dir_all(elsewhere.join("deep")).expect("made");
    fs::write(elsewhere.join("deep/c1.nii.gz"), "").expect("written");
    for (to, name) in [
        (".", "again"),
        ("imagesTr", "a"),
        ("../../..", "imagesTr/up"),
        ("..", "imagesTr/root"),
        ("../elsewhere", "labelsTr"),
        ("../elsewhere", "masks"),
        ("../elsewhere/deep", "z"),
        ("gone.nii.gz", "imagesTr/c3.nii.gz"),
        ("gone", "labelsTs"),
        ("../elsewhere/deep/c1.nii.gz", "linked.nii.gz"),
    ] {
        symlink(to, root.join(name)).expect("linked");
    }
    symlink(&elsewhere, elsewhere.join("deep/round")).expect("linked");
    let listing = list(&root);
    let expected = [
        "imagesTr/c1.nii.gz",
        "imagesTr/c2.nii.gz",
        "imagesTr/c3.nii.gz",
        "labelsTr/deep/c1.nii.gz",
        "linked.nii.gz",
    ];
    assert_eq!(listing.names_below(), expected);
    let problems: Vec<String> = listing.problems().collect();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].starts_with("data/labelsTs: what the link leads to"),
        "{problems:?}"
    );
    // A folder that is given by a link is named after the link.
    assert_eq!(list(&root.join("labelsTr")).names(), ["labelsTr/deep/c1.nii.gz"]);
}

#[cfg(target_os = "linux")]
#[test]
fn every_name_that_a_file_system_knows_is_read() {
    use std::os::unix::ffi::OsStringExt;
    let (_kept, root) = folder(&["imagesTr/M\u{fc}ller.nii", "case_1.nii"]);
    let names: [&[u8]; 7] = [
        b"imagesTr/M\xfcller.nii",
        b"imagesTr\\case_1.nii",
        b"imagesTr\\._case_1.nii",
        b"__MACOSX\\case_2.nii",
        b"a\x80.nii",
        b"a\x81.nii",
        b"line\nbreak.NII.GZ",
    ];
    for name in names {
        let path = root.join(OsString::from_vec(name.to_vec()));
        fs::write(path, name).expect("written");
    }
    let listing = list(&root);
    let expected: [(&str, &[u8]); 7] = [
        ("a%80.nii", b"a\x80.nii"),
        ("a%81.nii", b"a\x81.nii"),
        ("case_1.nii", b""),
        ("imagesTr/M\u{fc}ller (2).nii", b"imagesTr/M\xfcller.nii"),
        ("imagesTr/M\u{fc}ller.nii", b""),
        ("imagesTr/case_1.nii", b"imagesTr\\case_1.nii"),
        ("line%0Abreak.NII.GZ", b"line\nbreak.NII.GZ"),
    ];
    let mut found = listing.names_below();
    let mut names: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
    found.sort();
    names.sort();
    assert_eq!(found, names);
    for (name, content) in expected {
        let bytes = fs::read(listing.path_below(name)).expect(name);
        assert_eq!(bytes, content, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn what_cannot_be_looked_into_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let (_kept, root) = folder(&["a.nii", "closed/b.nii"]);
    let closed = root.join("closed");
    let mode = |mode| fs::set_permissions(&closed, fs::Permissions::from_mode(mode));
    mode(0o000).expect("closed");
    let (listing, open) = (list(&root), fs::read_dir(&closed).is_ok());
    mode(0o700).expect("opened");
    let problems: Vec<String> = listing.problems().collect();
    // Root can read everything.
    if open {
        assert_eq!((listing.names_below().len(), problems.len()), (2, 0));
        return;
    }
    assert_eq!(listing.names_below(), ["a.nii"]);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("Permission denied"), "{problems:?}");
    assert!(Listing::of(&root.join("none")).is_err());
}
