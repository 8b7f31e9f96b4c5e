//! Predictions and true label maps, paired by their names.

use medcontext_core::dataset::match_predictions;

/// `case: prediction = truth` of every pair; then what is left of both.
fn matched(predictions: &[&str], truths: &[&str]) -> (Vec<String>, Vec<String>, Vec<String>) {
    let owned = |paths: &[&str]| paths.iter().map(ToString::to_string).collect::<Vec<_>>();
    let found = match_predictions(&owned(predictions), &owned(truths), None);
    let pairs = found.pairs.iter();
    let pairs = pairs
        .map(|pair| format!("{}: {} = {}", pair.case, pair.prediction, pair.truth))
        .collect();
    (pairs, found.predictions, found.truths)
}

#[test]
fn names_of_several_tools() {
    for (prediction, truth, case) in [
        ("case_01.nii.gz", "case_01.nii.gz", "case_01"),
        ("case_01.nii", "case_01.nii.gz", "case_01"),
        ("Case_01.nii.gz", "case_01.nii", "case_01"),
        ("case_01_0000.nii.gz", "case_01.nii.gz", "case_01"),
        ("case_01/case_01_trans.nii.gz", "case_01.nii.gz", "case_01"),
        ("case_01_pred.nii.gz", "case_01_seg.nii.gz", "case_01_seg"),
        ("img0001_pred.nii.gz", "label0001.nii.gz", "label0001"),
        ("0001.nii.gz", "label0001.nii.gz", "label0001"),
        ("S1.nii.gz", "S1/seg.nii.gz", "S1"),
        ("S1/prediction.nii.gz", "S1/seg.nii.gz", "S1"),
        ("a.nii.gz", "data/labelsTr/a.nii.gz", "a"),
    ] {
        let (pairs, left, missing) = matched(&[prediction], &[truth]);
        assert_eq!(pairs, [format!("{case}: {prediction} = {truth}")]);
        assert!(left.is_empty() && missing.is_empty());
    }
}

#[test]
fn the_nearest_name_wins_and_the_rest_is_left() {
    let (pairs, left, missing) = matched(
        &["a.nii", "a_pred.nii", "b.nii", "notes.txt", "._c.nii"],
        &["a.nii", "c.nii", "b_seg.nii", "b_mask.nii"],
    );
    assert_eq!(pairs, ["a: a.nii = a.nii"]);
    // Two true label maps have b's name: neither is guessed.
    assert_eq!(left, ["a_pred.nii", "b.nii"]);
    assert_eq!(missing, ["b_mask.nii", "b_seg.nii", "c.nii"]);
}

#[test]
fn folders_tell_files_of_one_name_apart() {
    let files = ["P1/seg.nii.gz", "P2/seg.nii.gz"];
    let (pairs, ..) = matched(&files, &files);
    assert_eq!(pairs.len(), 2);
    assert!(pairs[0].starts_with("P1: P1/seg") && pairs[1].ends_with("= P2/seg.nii.gz"));
    let files = ["x/a.nii", "y/a.nii"];
    let (pairs, ..) = matched(&files, &files);
    assert_eq!(pairs, ["x_a: x/a.nii = x/a.nii", "y_a: y/a.nii = y/a.nii"]);
}

#[test]
fn of_a_whole_data_set_the_label_maps_are_taken() {
    let (pairs, left, missing) = matched(
        &["a.nii.gz"],
        &["imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz", "imagesTs/b_0000.nii.gz"],
    );
    assert_eq!(pairs, ["a: a.nii.gz = labelsTr/a.nii.gz"]);
    assert!(left.is_empty() && missing.is_empty());
}
