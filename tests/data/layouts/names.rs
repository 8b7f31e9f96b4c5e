//! Names of cases and of files that are not used.

use super::*;

#[test]
fn no_two_cases_have_one_name_on_any_file_system() {
    let found = pairing(&["d/A.nii", "d/A.nii.gz", "d/A_seg.nii.gz"], None);
    assert_eq!(lines(&found), ["A train: d/A.nii = d/A_seg.nii.gz"]);
    assert_eq!(
        left(&found),
        ["d/A.nii.gz: it has the same name as d/A.nii, which is used; remove one of them"]
    );
    // Case, and folders joined into the name of another file.
    check(
        &["d/Scan.nii", "d/scan.nii"],
        &["Scan predict: d/Scan.nii", "scan_2 predict: d/scan.nii"],
    );
    check(
        &["d/a/b.nii", "d/c/b.nii", "d/a_b.nii"],
        &[
            "a_b predict: d/a/b.nii",
            "a_b_2 predict: d/a_b.nii",
            "c_b predict: d/c/b.nii",
        ],
    );
    // Each of two capitals finds its own label map.
    check(
        &["d/images/P.nii", "d/images/p.nii", "d/labels/P.nii", "d/labels/p.nii"],
        &[
            "P train: d/images/P.nii = d/labels/P.nii",
            "p_2 train: d/images/p.nii = d/labels/p.nii",
        ],
    );
}

#[test]
fn composed_and_decomposed_letters_are_one_name() {
    // José, as a Mac stores it, and as others do.
    let [mac, other] = ["d/imagesTr/Jose\u{301}.nii.gz", "d/labelsTr/Jos\u{e9}.nii.gz"];
    let found = pairing(&[mac, other], None);
    assert_eq!(lines(&found), [format!("Jos\u{e9} train: {mac} = {other}")]);
    assert!(found.leftovers.is_empty());
}

#[test]
fn other_files_are_named_with_what_to_do() {
    let found = pairing(
        &[
            "d/a.nii",
            "d/b.hdr",
            "d/b.img",
            "d/c.dcm",
            "d/d.nrrd",
            "d/e.mgz",
            "d/notes.txt",
            "d/.hidden",
        ],
        None,
    );
    let said = left(&found);
    for (file, what) in [
        ("b.hdr", ".hdr/.img pair"),
        ("b.img", ".hdr/.img pair"),
        ("c.dcm", "dcm2niix"),
        ("d.nrrd", "convert it to .nii.gz"),
        ("e.mgz", "convert it to .nii.gz"),
        ("notes.txt", "not a volume"),
    ] {
        assert!(
            said.iter()
                .any(|line| line.starts_with(&format!("d/{file}: ")) && line.contains(what)),
            "{file}: {said:?}"
        );
    }
    assert_eq!(said.len(), 6);
}

#[test]
fn lists_name_files_by_their_ends() {
    // nnU-Net 1 lists names without channel numbers; paths of another machine; Windows.
    for (image, label) in [
        ("./imagesTr/c1.nii.gz", "./labelsTr/c1.nii.gz"),
        ("./imagesTr/c1_0000.nii.gz", "./labelsTr/c1.nii.gz"),
        ("/home/me/set/imagesTr/c1.nii.gz", "/home/me/set/labelsTr/c1.nii.gz"),
        (r".\\imagesTr\\c1.nii.gz", r".\\labelsTr\\c1"),
    ] {
        let json = format!(r#"{{"training": [{{"image": "{image}", "label": "{label}"}}], "test": []}}"#);
        let found = pairing(
            &["s/dataset.json", "s/imagesTr/c1_0000.nii.gz", "s/labelsTr/c1.nii.gz"],
            Some(&json),
        );
        assert_eq!(
            lines(&found),
            ["c1 train: s/imagesTr/c1_0000.nii.gz = s/labelsTr/c1.nii.gz"],
            "{image}"
        );
        assert!(found.leftovers.is_empty(), "{image}: {:?}", found.leftovers);
    }
    // MONAI lists the channels of a case.
    let json = r#"{"training": [{"image": ["b/b_flair.nii", "b/b_t1.nii"], "label": "b/b_seg.nii"}]}"#;
    let found = pairing(
        &["s/dataset.json", "s/b/b_flair.nii", "s/b/b_t1.nii", "s/b/b_seg.nii"],
        Some(json),
    );
    assert_eq!(
        lines(&found),
        ["b_flair train: s/b/b_flair.nii + s/b/b_t1.nii = s/b/b_seg.nii"]
    );
}
