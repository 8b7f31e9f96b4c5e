//! Every verb, with the cases that follow from it.

use super::{Changes, Choices, Library, drawing_path};
use crate::dataset::{CaseFiles, Frames, ReadOptions, Role};

/// A library of files that hold their own path.
fn library(paths: &[&str]) -> Library<String> {
    let mut library = Library::default();
    for path in paths {
        library.add(path, (*path).to_owned());
    }
    library
}

fn ids(cases: &[CaseFiles]) -> Vec<&str> {
    cases.iter().map(|files| files.id.as_str()).collect()
}

fn labels(library: &Library<String>) -> Vec<Option<String>> {
    let cases = library.pairing().cases.into_iter();
    cases.map(|files| files.label).collect()
}

const TWO: [&str; 3] = ["a.nii.gz", "a_seg.nii.gz", "b.nii.gz"];

#[test]
fn what_is_added_makes_cases_and_is_told_once() {
    let mut library = library(&TWO);
    library.add("readme.txt", String::new());
    library.add(".DS_Store", String::new());
    let changes = library.refresh();
    assert_eq!(ids(&changes.changed), ["a", "b"]);
    assert_eq!(changes.changed[0].label.as_deref(), Some("a_seg.nii.gz"));
    assert_eq!(changes.leftovers.len(), 1);
    assert_eq!(changes.leftovers[0].path, "readme.txt");
    assert!(changes.removed.is_empty() && !changes.structures);

    let again = library.refresh();
    assert_eq!(
        again,
        Changes {
            leftovers: changes.leftovers,
            ..Changes::default()
        }
    );
}

#[test]
fn a_replaced_file_changes_its_case_and_no_other() {
    let mut library = library(&TWO);
    library.refresh();
    library.add("a_seg.nii.gz", "other voxels".to_owned());
    assert_eq!(ids(&library.refresh().changed), ["a"]);
    let file = library.file("a_seg.nii.gz").map(String::as_str);
    assert_eq!(file, Some("other voxels"));
}

#[test]
fn volumes_wait_in_order_until_they_are_stored() {
    let mut library = library(&TWO);
    assert_eq!(library.next_unstored().map(String::as_str), Some(TWO[0]));
    library.stored("b.nii.gz");
    assert_eq!(library.next_unstored().map(String::as_str), Some(TWO[0]));
    for path in TWO {
        library.stored(path);
    }
    assert_eq!(library.next_unstored(), None);
}

#[test]
fn a_label_map_is_given_by_hand_and_taken_away() {
    let mut library = library(&["a.nii.gz", "b.nii.gz", "strange_seg.nii.gz"]);
    library.refresh();
    assert_eq!(labels(&library), [None, None]);
    let unused = library.pair("b", Some("strange_seg.nii.gz".to_owned()));
    assert_eq!(unused, None);
    let changes = library.refresh();
    assert_eq!(ids(&changes.changed), ["b"]);
    assert_eq!(changes.changed[0].role(), Role::Train);
    assert!(changes.leftovers.is_empty());

    library.pair("b", None);
    assert_eq!(labels(&library), [None, None]);
    assert_eq!(library.refresh().leftovers.len(), 1);
}

#[test]
fn a_drawing_comes_before_what_was_found_until_something_is_chosen() {
    let mut library = library(&TWO);
    library.refresh();
    library.draw("a", "drawn".to_owned());
    let changes = library.refresh();
    assert_eq!(ids(&changes.changed), ["a"]);
    assert_eq!(changes.changed[0].label, Some(drawing_path("a")));
    // The same drawing again, with other voxels.
    library.draw("a", "drawn anew".to_owned());
    assert_eq!(ids(&library.refresh().changed), ["a"]);

    let unused = library.pair("a", Some("a_seg.nii.gz".to_owned()));
    assert_eq!(unused, Some(drawing_path("a")));
    assert_eq!(labels(&library)[0].as_deref(), Some("a_seg.nii.gz"));
    assert_eq!(library.file(&drawing_path("a")), None);
}

#[test]
fn a_test_case_that_is_drawn_upon_is_learned_from() {
    let mut library = library(&["imagesTr/a.nii.gz", "labelsTr/a.nii.gz", "imagesTs/b.nii.gz"]);
    assert_eq!(library.pairing().cases[1].role(), Role::Predict);
    library.draw("b", String::new());
    assert_eq!(library.pairing().cases[1].role(), Role::Train);
}

#[test]
fn frames_are_used_as_chosen_and_those_cases_are_new() {
    let mut library = library(&["a.nii.gz", "b.nii.gz", "c.nii.gz"]);
    library.refresh();
    let series = ["a.nii.gz", "c.nii.gz"].map(str::to_owned);
    library.use_frames(series, Frames::Channels);
    let changes = library.refresh();
    assert_eq!(ids(&changes.changed), ["a", "c"]);
    let options = library.read_options(&changes.changed[0]);
    assert_eq!(options.frames, Some(Frames::Channels));
    let other = &library.pairing().cases[1];
    assert_eq!(library.read_options(other), ReadOptions::default());
}

#[test]
fn structures_are_combined_when_asked_for() {
    let mut library = library(&[
        "s1/ct.nii.gz",
        "s1/segmentations/liver.nii.gz",
        "s1/segmentations/kidney.nii.gz",
    ]);
    let changes = library.refresh();
    assert!(changes.structures && !changes.changed[0].is_labeled());
    library.combine_structures();
    let changes = library.refresh();
    let structures = &changes.changed[0].structures;
    let names: Vec<(u16, &str)> = structures.iter().map(|s| (s.id, s.name.as_str())).collect();
    assert_eq!(names, [(1, "kidney"), (2, "liver")]);
    assert!(!changes.structures && changes.leftovers.is_empty());
}

#[test]
fn label_maps_are_resampled_when_asked_for() {
    let mut library = library(&TWO);
    let changes = library.refresh();
    let options = library.read_options(&changes.changed[0]);
    assert_eq!(options, ReadOptions::default());
    library.resample_labels();
    let changes = library.refresh();
    assert_eq!(ids(&changes.changed), ["a"]);
    let options = library.read_options(&changes.changed[0]);
    assert!(options.resample_labels);

    let written = serde_json::to_value(library.choices()).expect("choices are plain");
    assert_eq!(written["resample_labels"], true);
    let read: Choices = serde_json::from_value(written).expect("they were written here");
    assert_eq!(&read, library.choices());
}

#[test]
fn folders_called_as_those_of_drawings_are_like_any_other() {
    for folder in ["drawn", "drawings"] {
        let paths = ["a.nii.gz", "a_seg.nii.gz", "b.nii.gz"].map(|name| format!("{folder}/{name}"));
        let mut library = library(&paths.each_ref().map(String::as_str));
        assert_eq!(ids(&library.refresh().changed), ["a", "b"]);
        library.draw("a", "drawn".to_owned());
        assert_eq!(labels(&library), [Some(drawing_path("a")), None]);
        // After a reload, too.
        let mut restored: Library<String> = Library::default();
        for (path, file) in library.files() {
            restored.restore(path, file.clone());
        }
        assert_eq!(labels(&restored), [Some(drawing_path("a")), None]);
    }
}

#[test]
fn drawings_of_an_earlier_version_are_found_by_their_cases() {
    let mut library: Library<String> = Library::default();
    for path in [
        "scans/a.nii.gz",
        "scans/a_seg.nii.gz",
        "drawn/a.nii.gz",
        "drawn/b.nii.gz",
    ] {
        library.restore(path, path.to_owned());
    }
    let adopted = library.adopt_earlier_drawings();
    assert_eq!(adopted, [("drawn/a.nii.gz".to_owned(), "a".to_owned())]);
    // Where there is no such case, the file is a scan.
    assert_eq!(ids(&library.pairing().cases), ["a", "b"]);
    assert_eq!(labels(&library), [Some(drawing_path("a")), None]);
    assert_eq!(
        library.file(&drawing_path("a")).map(String::as_str),
        Some("drawn/a.nii.gz")
    );
}

#[test]
fn a_removed_case_takes_its_files_along() {
    let mut library = library(&TWO);
    library.refresh();
    assert_eq!(library.remove("a"), ["a.nii.gz", "a_seg.nii.gz"]);
    let changes = library.refresh();
    // Who removes a case knows that it is gone.
    assert_eq!(changes, Changes::default());
    assert_eq!(ids(&library.pairing().cases), ["b"]);
    assert!(library.remove("a").is_empty());
}

#[test]
fn a_case_that_cannot_be_used_leaves_its_label_map_behind() {
    let mut library = library(&TWO);
    let changes = library.refresh();
    assert_eq!(library.drop_case(&changes.changed[0]), ["a.nii.gz"]);
    let changes = library.refresh();
    assert!(changes.removed.is_empty() && changes.changed.is_empty());
    assert_eq!(changes.leftovers[0].path, "a_seg.nii.gz");
}

#[test]
fn an_image_that_became_a_label_map_is_no_case_any_more() {
    let mut library = library(&["a.nii.gz", "b.nii.gz"]);
    library.refresh();
    library.pair("a", Some("b.nii.gz".to_owned()));
    let changes = library.refresh();
    assert_eq!(changes.removed, ["b"]);
    assert_eq!(ids(&changes.changed), ["a"]);
}

#[test]
fn leftovers_are_discarded_and_cases_stay() {
    let mut library = library(&["a.nii.gz", "strange_seg.nii.gz", "readme.txt"]);
    assert_eq!(library.discard(), ["strange_seg.nii.gz"]);
    assert!(library.refresh().leftovers.is_empty());
    assert_eq!(ids(&library.pairing().cases), ["a"]);
}

#[test]
fn the_newest_dataset_json_names_labels_and_channels() {
    let mut library = library(&TWO);
    let json = br#"{"labels": {"1": "liver"}, "modality": {"0": "CT", "1": "PET"}}"#;
    let file = || "its text".to_owned();
    assert_eq!(library.add_dataset_json("dataset.json", json, file()), None);
    let cases = library.pairing().cases;
    let options = library.read_options(&cases[0]);
    assert_eq!(
        (options.channels, options.channel_names),
        (2, vec!["CT".to_owned(), "PET".to_owned()])
    );
    assert_eq!(library.label_names(), [(1, "liver".to_owned())].into());
    let unused = library.add_dataset_json("new/dataset.json", b"{}", file());
    assert_eq!(unused.as_deref(), Some("dataset.json"));
    let json = library.dataset_json();
    assert_eq!(json.map(|json| json.names.len()), Some(0));
    assert!(library.label_names().is_empty());
    let named: Vec<&String> = library.files().map(|(path, _)| path).collect();
    assert_eq!(named.len(), 4);
    assert_eq!(named[3], "new/dataset.json");
}

#[test]
fn another_front_takes_everything_over_and_is_told_of_every_case() {
    let mut first = library(&["a.nii.gz", "b.nii.gz", "strange_seg.nii.gz", "readme.txt"]);
    first.add_dataset_json("dataset.json", br#"{"labels": {"1": "liver"}}"#, String::new());
    first.pair("b", Some("strange_seg.nii.gz".to_owned()));
    first.draw("a", "drawn".to_owned());
    first.use_frames(["b.nii.gz".to_owned()], Frames::One(2));
    let before = first.refresh();

    let text = serde_json::to_string(&first).expect("a library is plain");
    let mut second: Library<String> = serde_json::from_str(&text).expect("it was written here");
    let after = second.refresh();
    assert_eq!(ids(&after.changed), ["a", "b"]);
    assert_eq!(after, before);
    assert_eq!(second.choices(), first.choices());
    assert_eq!(second.dataset_json(), first.dataset_json());
    assert_eq!(second.next_unstored(), first.next_unstored());
}

#[test]
fn stored_files_and_choices_come_back() {
    let mut library: Library<String> = Library::default();
    for path in ["a.nii.gz", "b.nii.gz", "strange_seg.nii.gz", &drawing_path("a")] {
        library.restore(path, path.to_owned());
    }
    let choices = br#"{"labels": {"b": "strange_seg.nii.gz"}, "frames": {"a.nii.gz": {"One": 1}}}"#;
    let choices: Choices = serde_json::from_slice(choices).expect("as earlier versions wrote it");
    library.restore_choices(choices);
    assert_eq!(
        labels(&library),
        [drawing_path("a"), "strange_seg.nii.gz".to_owned()].map(Some)
    );
    assert_eq!(library.next_unstored(), None);
    library.forget_choices();
    assert_eq!(labels(&library)[1], None);
}
