//! Which files make a case, from names alone.

use medcontext_core::dataset::{CaseFiles, DatasetJson, Pairing, Role, Source, pair};

fn names(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

/// Cases as `id: image + label`, sorted by id.
fn cases(pairing: &Pairing) -> Vec<String> {
    pairing
        .cases
        .iter()
        .map(|case| match &case.label {
            Some(label) => format!("{}: {} + {label}", case.id, case.image()),
            None => format!("{}: {}", case.id, case.image()),
        })
        .collect()
}

fn leftovers(pairing: &Pairing) -> Vec<&str> {
    pairing
        .leftovers
        .iter()
        .map(|leftover| leftover.path.as_str())
        .collect()
}

/// Pairs without dataset.json and expects no leftovers.
fn check(paths: &[&str], expected: &[&str]) {
    let pairing = pair(&names(paths), None);
    assert_eq!(cases(&pairing), expected);
    assert!(pairing.leftovers.is_empty(), "{:?}", pairing.leftovers);
    // The order in which files are dropped does not matter.
    let mut reversed = names(paths);
    reversed.reverse();
    assert_eq!(pair(&reversed, None), pairing);
}

#[test]
fn decathlon_by_its_dataset_json() {
    let json = r#"{
        "training": [
            {"image": "./imagesTr/la_003.nii.gz", "label": "./labelsTr/la_003.nii.gz"},
            {"image": "./imagesTr/la_004.nii.gz", "label": "./labelsTr/la_004.nii.gz"},
            {"image": "./imagesTr/la_009.nii.gz", "label": "./labelsTr/la_009.nii.gz"}],
        "test": ["./imagesTs/la_001.nii.gz"]}"#;
    // Dropped as a folder, with what macOS adds.
    let paths = names(&[
        "heart/dataset.json",
        "heart/imagesTr/la_003.nii.gz",
        "heart/imagesTr/._la_003.nii.gz",
        "heart/imagesTr/la_004.nii.gz",
        "heart/labelsTr/la_003.nii.gz",
        "heart/labelsTr/la_004.nii.gz",
        "heart/labelsTr/._la_004.nii.gz",
        "__MACOSX/heart/labelsTr/la_004.nii.gz",
        "heart/imagesTs/la_001.nii.gz",
    ]);
    let json = DatasetJson::parse("heart/dataset.json", json.as_bytes());
    let pairing = pair(&paths, Some(&json));
    assert_eq!(
        cases(&pairing),
        [
            "la_001: heart/imagesTs/la_001.nii.gz",
            "la_003: heart/imagesTr/la_003.nii.gz + heart/labelsTr/la_003.nii.gz",
            "la_004: heart/imagesTr/la_004.nii.gz + heart/labelsTr/la_004.nii.gz",
        ]
    );
    assert_eq!(pairing.cases[0].role(), Role::Predict);
    assert_eq!(pairing.cases[1].role(), Role::Train);
    // Listed files that do not exist are named once.
    assert_eq!(leftovers(&pairing), ["heart/dataset.json"]);
    assert!(
        pairing.leftovers[0]
            .reason
            .contains("are not here: 2 (imagesTr/la_009.nii.gz, …)")
            || pairing.leftovers[0]
                .reason
                .contains("are not here: 1 (imagesTr/la_009.nii.gz)"),
        "{:?}",
        pairing.leftovers
    );
}

#[test]
fn a_dataset_json_decides_where_names_would_not() {
    let json = r#"{"training": [{"image": "a/first.nii", "label": "b/drawn.nii"}], "test": []}"#;
    let pairing = pair(
        &names(&["./a/first.nii", "./b/drawn.nii", "c/new.nii"]),
        Some(&DatasetJson::parse("dataset.json", json.as_bytes())),
    );
    assert_eq!(
        cases(&pairing),
        ["first: ./a/first.nii + ./b/drawn.nii", "new: c/new.nii"]
    );
    // An unreadable one is reported, and names are used.
    let pairing = pair(
        &names(&["x.nii", "x_seg.nii"]),
        Some(&DatasetJson::parse("dataset.json", b"{oops")),
    );
    assert_eq!(cases(&pairing), ["x: x.nii + x_seg.nii"]);
    assert_eq!(leftovers(&pairing), ["dataset.json"]);
    assert!(pairing.leftovers[0].reason.contains("not valid JSON"));
    for odd in ["[]", "3", r#"{"training": 5, "test": [3, null, {"image": 4}]}"#] {
        let json = DatasetJson::parse("dataset.json", odd.as_bytes());
        let pairing = pair(&names(&["x.nii"]), Some(&json));
        assert_eq!(pairing.cases.len(), 1, "{odd}");
    }
}

#[test]
fn nnunet() {
    check(
        &[
            "imagesTr/la_003_0000.nii.gz",
            "labelsTr/la_003.nii.gz",
            "imagesTr/la_004_0000.nii.gz",
            "labelsTr/la_004.nii.gz",
            "imagesTs/la_001_0000.nii.gz",
        ],
        &[
            "la_001: imagesTs/la_001_0000.nii.gz",
            "la_003: imagesTr/la_003_0000.nii.gz + labelsTr/la_003.nii.gz",
            "la_004: imagesTr/la_004_0000.nii.gz + labelsTr/la_004.nii.gz",
        ],
    );
    // All files in one folder.
    check(
        &["Case1_0000.nii.gz", "Case1.nii.gz"],
        &["Case1: Case1_0000.nii.gz + Case1.nii.gz"],
    );
    // Four digits at the end of a name are not always a channel.
    check(
        &["scan_0001.nii", "scan_0002.nii", "scan_0002_seg.nii"],
        &[
            "scan_0001: scan_0001.nii",
            "scan_0002: scan_0002.nii + scan_0002_seg.nii",
        ],
    );
    check(
        &["imagesTr/p_0001.nii", "labelsTr/p_0001.nii"],
        &["p_0001: imagesTr/p_0001.nii + labelsTr/p_0001.nii"],
    );
    check(
        &[
            "imagesTr/p_0000.nii",
            "labelsTr/p_0000.nii",
            "imagesTr/p_0001.nii",
            "labelsTr/p_0001.nii",
        ],
        &[
            "p_0000: imagesTr/p_0000.nii + labelsTr/p_0000.nii",
            "p_0001: imagesTr/p_0001.nii + labelsTr/p_0001.nii",
        ],
    );
}

#[test]
fn several_channels_are_one_case() {
    let channels = |pairing: &Pairing| -> Vec<String> {
        let others = |case: &CaseFiles| {
            let paths: Vec<&str> = case.channels[1..].iter().map(Source::path).collect();
            paths.join(" ")
        };
        pairing.cases.iter().map(others).collect()
    };
    // nnU-Net's numbers.
    let paths = names(&[
        "imagesTr/b_1_0001.nii.gz",
        "imagesTr/b_1_0000.nii.gz",
        "labelsTr/b_1.nii.gz",
        "imagesTr/b_2_0000.nii.gz",
        "labelsTr/b_2.nii.gz",
    ]);
    let pairing = pair(&paths, None);
    assert_eq!(
        cases(&pairing),
        [
            "b_1: imagesTr/b_1_0000.nii.gz + labelsTr/b_1.nii.gz",
            "b_2: imagesTr/b_2_0000.nii.gz + labelsTr/b_2.nii.gz"
        ]
    );
    assert_eq!(channels(&pairing), ["imagesTr/b_1_0001.nii.gz", ""]);
    assert!(leftovers(&pairing).is_empty());

    // BraTS's contrasts, in the spellings of two years; the order is flair, t1ce, t1, t2.
    for [flair, t1ce, t1, t2] in [["flair", "t1ce", "t1", "t2"], ["t2f", "t1c", "t1n", "t2w"]] {
        let of = |end: &str| format!("Data/BraTS_7/BraTS_7_{end}.nii.gz");
        let paths = [t1, t2, "seg", t1ce, flair].map(of);
        let pairing = pair(&paths, None);
        let expected = format!("BraTS_7: {} + {}", of(flair), of("seg"));
        assert_eq!(cases(&pairing), [expected]);
        let others = [of(t1ce), of(t1), of(t2)];
        assert_eq!(channels(&pairing), [others.join(" ")]);
        assert!(pairing.leftovers.is_empty(), "{:?}", pairing.leftovers);
    }
    // A folder for each case, files named only by their contrast.
    let paths = ["a/flair.nii", "a/t1ce.nii", "a/t1.nii", "a/t2.nii", "a/seg.nii"];
    let pairing = pair(&names(&paths), None);
    assert_eq!(cases(&pairing), ["a: a/flair.nii + a/seg.nii"]);
    assert_eq!(channels(&pairing), ["a/t1ce.nii a/t1.nii a/t2.nii"]);
}

#[test]
fn channels_with_gaps_are_left_over() {
    let paths = names(&[
        "imagesTr/b_1_0000.nii.gz",
        "imagesTr/b_1_0002.nii.gz",
        "labelsTr/b_1.nii.gz",
    ]);
    let pairing = pair(&paths, None);
    assert!(pairing.cases.is_empty());
    assert_eq!(leftovers(&pairing).len(), 3);
    let reason = &pairing.leftovers[0].reason;
    assert!(reason.contains("case b_1 has the channels 0, 2"), "{reason}");
}

#[test]
fn acdc_is_paired_by_frames() {
    let path = |end: &str| format!("training/patient001/patient001_{end}");
    let paths = [
        "4d.nii.gz",
        "frame01.nii.gz",
        "frame01_gt.nii.gz",
        "frame12.nii.gz",
        "frame12_gt.nii.gz",
    ];
    let pairing = pair(&paths.map(path), None);
    assert_eq!(
        cases(&pairing),
        [
            format!(
                "patient001_frame01: {} + {}",
                path("frame01.nii.gz"),
                path("frame01_gt.nii.gz")
            ),
            format!(
                "patient001_frame12: {} + {}",
                path("frame12.nii.gz"),
                path("frame12_gt.nii.gz")
            ),
        ]
    );
    assert_eq!(leftovers(&pairing), [path("4d.nii.gz")]);
}

#[test]
fn loose_names() {
    check(&["x.nii.gz", "x_seg.nii.gz"], &["x: x.nii.gz + x_seg.nii.gz"]);
    check(&["x.nii", "x-label.nii.gz"], &["x: x.nii + x-label.nii.gz"]);
    check(
        &["x.nii.gz", "x_mask.nii.gz", "y.NII.GZ"],
        &["x: x.nii.gz + x_mask.nii.gz", "y: y.NII.GZ"],
    );
    check(
        &["sub-01_T1w.nii.gz", "sub-01_dseg.nii.gz"],
        &["sub-01_T1w: sub-01_T1w.nii.gz + sub-01_dseg.nii.gz"],
    );
    check(&["a_ct.nii", "a_ct_seg.nii"], &["a_ct: a_ct.nii + a_ct_seg.nii"]);
    // Synapse.
    check(
        &["img0001.nii.gz", "label0001.nii.gz", "img0002.nii.gz"],
        &["img0001: img0001.nii.gz + label0001.nii.gz", "img0002: img0002.nii.gz"],
    );
}

#[test]
fn folders_with_or_without_marks_in_the_names() {
    // One label for each image.
    check(
        &["images/p1.nii", "labels/p1.nii", "images/p2.nii"],
        &["p1: images/p1.nii + labels/p1.nii", "p2: images/p2.nii"],
    );
    check(
        &["set\\CT\\p1.nii", "set\\masks\\p1.nii"],
        &["p1: set\\CT\\p1.nii + set\\masks\\p1.nii"],
    );
    check(
        &["scans2024/p1.nii", "Labels/p1_seg.nii"],
        &["p1: scans2024/p1.nii + Labels/p1_seg.nii"],
    );
    // A folder per case, as in TotalSegmentator.
    check(
        &["s0011/ct.nii.gz", "s0011/segmentation.nii.gz", "S0012/ct.nii.gz"],
        &[
            "S0012: S0012/ct.nii.gz",
            "s0011: s0011/ct.nii.gz + s0011/segmentation.nii.gz",
        ],
    );
    // The same names in several folders.
    check(
        &["A/t1.nii", "A/t1_seg.nii", "A/deep/t1.nii"],
        &["deep: A/deep/t1.nii", "t1: A/t1.nii + A/t1_seg.nii"],
    );
    check(
        &["A/head.nii", "B/head.nii", "B/head_seg.nii"],
        &["A_head: A/head.nii", "B_head: B/head.nii + B/head_seg.nii"],
    );
}

#[test]
fn hidden_files_are_passed_over() {
    check(
        &[
            "x.nii",
            ".DS_Store",
            "._x.nii",
            ".nii",
            ".cache/y.nii",
            "__MACOSX/x.nii",
        ],
        &["x: x.nii"],
    );
    check(&[], &[]);
}

#[test]
fn label_maps_without_an_image_are_left_over() {
    let reasons = |paths: &[&str]| {
        let pairing = pair(&names(paths), None);
        pairing
            .leftovers
            .into_iter()
            .map(|leftover| format!("{}: {}", leftover.path, leftover.reason))
            .collect::<Vec<_>>()
    };
    let found = reasons(&["x.nii", "y_seg.nii"]);
    assert!(
        found[0].starts_with("y_seg.nii: no image has a name that fits"),
        "{found:?}"
    );
    let found = reasons(&["x.nii", "x_seg.nii", "x_mask.nii"]);
    assert_eq!(found, ["x_seg.nii: its image already has the label map x_mask.nii"]);
    // Four MR contrasts and one label map: which image is it?
    let found = reasons(&["b_t1.nii", "b_t2.nii", "b_flair.nii", "b_seg.nii"]);
    assert!(
        found[0].starts_with("b_seg.nii: several images have a name that fits"),
        "{found:?}"
    );
}

#[test]
fn a_label_map_chosen_by_hand_comes_before_the_names() {
    let files = names(&["a.nii", "a_seg.nii", "b.nii", "drawn.nii", "z_seg.nii"]);
    let found = pair(&files, None);
    assert_eq!(cases(&found), ["a: a.nii + a_seg.nii", "b: b.nii", "drawn: drawn.nii"]);
    assert_eq!(leftovers(&found), ["z_seg.nii"]);
    let assigned = |choices: &[(&str, Option<&str>)]| {
        let mut pairing = found.clone();
        for (case, label) in choices {
            pairing.assign(case, *label);
        }
        pairing
    };

    // A leftover, a file taken for an image, and another case's label map.
    let one = assigned(&[("b", Some("z_seg.nii"))]);
    assert_eq!(
        cases(&one),
        ["a: a.nii + a_seg.nii", "b: b.nii + z_seg.nii", "drawn: drawn.nii"]
    );
    assert!(leftovers(&one).is_empty());
    let one = assigned(&[("b", Some("drawn.nii"))]);
    assert_eq!(cases(&one), ["a: a.nii + a_seg.nii", "b: b.nii + drawn.nii"]);
    let one = assigned(&[("b", Some("a_seg.nii"))]);
    assert_eq!(cases(&one)[..2], ["a: a.nii", "b: b.nii + a_seg.nii"]);

    // Another one, and none: the case's previous label map is then unpaired, and can be chosen again.
    let one = assigned(&[("a", Some("z_seg.nii"))]);
    assert_eq!(cases(&one)[0], "a: a.nii + z_seg.nii");
    assert_eq!(leftovers(&one), ["a_seg.nii"]);
    let one = assigned(&[("a", None), ("b", Some("a_seg.nii"))]);
    assert_eq!(cases(&one)[..2], ["a: a.nii", "b: b.nii + a_seg.nii"]);
    assert_eq!(leftovers(&one), ["z_seg.nii"]);

    // The one that it already has, and unknown cases and files.
    assert_eq!(assigned(&[("a", Some("a_seg.nii"))]), found);
    assert_eq!(assigned(&[("c", Some("z_seg.nii"))]), found);
    assert_eq!(cases(&assigned(&[("b", Some("gone.nii"))])), cases(&found));
}
