//! Reading a dataset.json, and messages about one that cannot be used.

use medcontext_core::dataset::{DatasetJson, LabelSet, Split};

fn parse(json: &str) -> DatasetJson {
    DatasetJson::parse("set/dataset.json", json.as_bytes())
}

fn names(json: &DatasetJson) -> Vec<String> {
    json.names.iter().map(|(id, name)| format!("{id} {name}")).collect()
}

fn problems(json: &DatasetJson) -> Vec<String> {
    json.problems
        .iter()
        .map(|problem| format!("{}: {}", problem.path, problem.reason))
        .collect()
}

#[test]
fn label_names_in_every_form_that_people_write() {
    let expected = ["0 background", "1 liver", "2 spleen"];
    for labels in [
        r#"{"0": "background", "1": "liver", "2": "spleen"}"#,
        r#"{"background": 0, "liver": 1, "spleen": 2}"#,
        r#"{"background": "0", "liver": "1", "spleen": "2"}"#,
        r#"{"background": 0, "liver": 1.0, "spleen": [2]}"#,
        r#"["background", "liver", "spleen"]"#,
    ] {
        let json = parse(&format!(r#"{{"labels": {labels}}}"#));
        assert_eq!(names(&json), expected, "{labels}");
        assert!(json.problems.is_empty(), "{labels}");
    }
    let odd = parse(r#"{"labels": {"background": 0, "liver": -1, "spleen": null, "big": 70000, "half": 1.5}}"#);
    assert_eq!(names(&odd), ["0 background"]);
    assert!(
        problems(&odd)[0].starts_with("set/dataset.json: the label big, half, liver, spleen is neither"),
        "{:?}",
        problems(&odd)
    );
}

#[test]
fn a_file_that_is_no_json_is_said_with_its_line() {
    let good = r#"{"labels": {"background": 0, "liver": 1}}"#;
    // A byte order mark is read.
    assert_eq!(names(&parse(&format!("\u{feff}{good}"))).len(), 2);
    let comment = good.replace("{\"lab", "{\n# names\n\"lab");
    let comma = good.replace("1}", "1,}");
    for (bad, line) in [(comment, "line 2"), (comma, "line 1")] {
        let json = parse(&bad);
        assert!(json.names.is_empty());
        let said = &problems(&json)[0];
        assert!(
            said.starts_with("set/dataset.json: it is not valid JSON (") && said.contains(line),
            "{said}"
        );
    }
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16 = [&[0xff, 0xfe][..], &utf16].concat();
    for bytes in [
        utf16,
        good.replace("liver", "M\u{fc}ller").chars().map(|c| c as u8).collect(),
    ] {
        let json = DatasetJson::parse("dataset.json", &bytes);
        assert!(
            problems(&json)[0].contains("not text in UTF-8"),
            "{:?}",
            problems(&json)
        );
    }
    assert!(problems(&parse("[1]"))[0].contains("not a JSON object"));
    assert!(problems(&parse(r#"{"labels": 3}"#))[0].contains("neither ids with names nor a list"));
    assert!(problems(&parse(r#"{"training": [3, null]}"#))[0].contains("2 of the cases that it lists"));
}

#[test]
fn channels_are_counted_where_they_are_named() {
    let channels = |json: &str| parse(json).channels;
    assert_eq!(channels(r#"{"modality": {"0": "FLAIR", "1": "T1w"}}"#), Some(2));
    assert_eq!(
        channels(r#"{"channel_names": {"0": "CT"}, "modality": {"0": "a", "1": "b"}}"#),
        Some(1)
    );
    assert_eq!(channels(r#"{"modality": ["T1", "T2", "PD"]}"#), Some(3));
    assert_eq!(channels("{}"), None);
}

#[test]
fn the_file_nearest_to_the_root_counts() {
    let find = |paths: &[&str]| {
        let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
        DatasetJson::find(&paths).cloned()
    };
    assert_eq!(
        find(&["s/a.nii", "s/deep/dataset.json", "s/dataset.json"]).as_deref(),
        Some("s/dataset.json")
    );
    // BTCV's, unless there is one of the usual name.
    assert_eq!(
        find(&["s/dataset_0.json", "s/x_dataset.json"]).as_deref(),
        Some("s/dataset_0.json")
    );
    assert_eq!(
        find(&["s/dataset_0.json", "s/deep/dataset.json"]).as_deref(),
        Some("s/deep/dataset.json")
    );
    assert_eq!(find(&["s/dataset_fingerprint.json", "s/splits.json"]), None);
}

#[test]
fn what_is_learned_is_held_against_what_is_declared() {
    let json = parse(r#"{"labels": {"background": 0, "liver": 1, "whole": [1, 2], "ignore": 9}}"#);
    let set = |ids: &[u16]| LabelSet::from_ids(ids.iter().copied(), &json.names).expect("labels");
    let said = json.check(&set(&[1, 2, 4])).expect("fine");
    assert_eq!(
        said,
        [
            "label maps hold the labels 2, 4, which set/dataset.json does not declare; they are learned too",
            "set/dataset.json declares the regions whole (1+2); regions are not learned as such yet: each label is \
             learned by itself",
        ]
    );
    let refused = json
        .check(&set(&[1, 9]))
        .expect_err("never a class of its own")
        .to_string();
    assert!(
        refused.starts_with("set/dataset.json declares label 9 as \"ignore\""),
        "{refused}"
    );
    let plain = parse(r#"{"labels": {"background": 0}}"#);
    assert!(plain.check(&set(&[1])).expect("nothing declared").is_empty());
    let complete = parse(r#"{"labels": {"1": "a", "2": "b"}}"#);
    assert!(complete.check(&set(&[1])).expect("all declared").is_empty());
}

#[test]
fn lists_of_cases_in_every_form() {
    let cases = |json: &[u8], list: &str| {
        Split::from_json("f.json", json, list)
            .map(|split| split.cases.join(" "))
            .map_err(|error| error.to_string())
    };
    let bom = b"\xef\xbb\xbf{\"train\": [\"a\", \"b\"]}";
    assert_eq!(cases(bom, "train").as_deref(), Ok("a b"));
    // nnU-Net's folds.
    let folds = br#"[{"train": ["a"], "val": ["b"]}, {"train": ["b"], "val": ["a"]}]"#;
    for (list, expected) in [
        ("0/train", "a"),
        ("1/train", "b"),
        ("fold_1/val", "a"),
        ("fold0/val", "b"),
    ] {
        assert_eq!(cases(folds, list).as_deref(), Ok(expected), "{list}");
    }
    for list in ["train", "2/train", "fold"] {
        let refused = cases(folds, list).expect_err("which fold?");
        assert!(
            refused.contains("nnU-Net's list of 2 folds") && refused.contains("f.json:0/train"),
            "{refused}"
        );
    }
    // A dataset.json's own lists.
    let listed = br#"{
        "name": "x", "labels": {"0": "b"},
        "training": [{"image": "./imagesTr/c1.nii.gz", "label": "./labelsTr/c1.nii.gz"}],
        "test": ["./imagesTs/c2.nii.gz"]
    }"#;
    assert_eq!(cases(listed, "training").as_deref(), Ok("c1"));
    assert_eq!(cases(listed, "test").as_deref(), Ok("c2"));
    assert_eq!(Split::choice("C:\\lists\\splits.json"), None);
    assert_eq!(
        Split::choice("C:\\lists\\splits.json:val"),
        Some(("C:\\lists\\splits.json", "val"))
    );
    assert_eq!(Split::choice("splits.json:0/train"), Some(("splits.json", "0/train")));
    assert_eq!(Split::choice("five-shot"), None);
}
