use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{CrossValidation, Fold, FoldCount, FoldSummary, folds};
use crate::dataset::{LabelSet, Regions};
use crate::experiment::CellResult;
use crate::metric::{CaseScore, Evaluation, LabelScore, Protocol};
use crate::train::TrainConfig;

fn named(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("case_{index:02}")).collect()
}

#[test]
fn every_case_is_held_out_once() {
    for (cases, count) in [(5, 2), (7, 3), (20, 5), (4, 4)] {
        let names = named(cases);
        let found = folds(&names, FoldCount::Number(count), 3).expect("folds");
        assert_eq!(found.len(), count);
        let held_out: Vec<&String> = found.iter().flat_map(|fold| &fold.held_out).collect();
        assert_eq!(held_out.len(), cases);
        assert_eq!(held_out.iter().collect::<BTreeSet<_>>().len(), cases);
        for (index, fold) in found.iter().enumerate() {
            assert_eq!(fold.number, index + 1);
            assert!(fold.held_out.len() == cases / count || fold.held_out.len() == cases.div_ceil(count));
            assert!(fold.training.is_sorted() && fold.held_out.is_sorted());
            let both: BTreeSet<&String> = fold.training.iter().chain(&fold.held_out).collect();
            assert_eq!(both, names.iter().collect());
        }
    }
}

#[test]
fn folds_depend_on_names_and_seed_alone() {
    let names = named(9);
    let turned: Vec<String> = names.iter().rev().cloned().collect();
    let of = |names: &[String], seed| folds(names, FoldCount::Number(3), seed).expect("folds");
    assert_eq!(of(&names, 0), of(&turned, 0));
    assert_ne!(of(&names, 0), of(&names, 1));
    // One of the 84 ways to choose three of nine is that of the order of names.
    let plain = ["case_00", "case_03", "case_06"];
    let shuffled = (0..9).filter(|&seed| of(&names, seed)[0].held_out != plain);
    assert!(shuffled.count() > 6);
}

#[test]
fn the_scans_of_a_subject_are_held_out_together() {
    let visits = |subject: usize| [1, 2].map(|visit| format!("sub-{subject}_ses-{visit}"));
    let names: Vec<String> = (0..5).flat_map(visits).collect();
    for count in [FoldCount::Number(2), FoldCount::All] {
        for fold in folds(&names, count, 1).expect("folds") {
            assert_eq!(fold.training.len() + fold.held_out.len(), names.len());
            for subject in 0..5 {
                let held_out = visits(subject).map(|visit| fold.held_out.contains(&visit));
                assert_eq!(held_out[0], held_out[1], "sub-{subject} in fold {}", fold.number);
            }
        }
    }
    assert_eq!(FoldCount::All.of(&names).expect("folds"), 5);
    let refused = folds(&names, FoldCount::Number(6), 1).expect_err("five subjects");
    assert!(refused.to_string().contains("choose 2 to 5, or all"));
}

#[test]
fn leaving_one_out_keeps_the_order_of_names() {
    let names = named(4);
    let all = folds(&names, FoldCount::All, 8).expect("folds");
    let held_out: Vec<&str> = all.iter().map(|fold| fold.held_out[0].as_str()).collect();
    assert_eq!(held_out, names);
    assert_eq!(all, folds(&names, FoldCount::Number(4), 9).expect("folds"));
    assert_eq!(all[2].training, ["case_00", "case_01", "case_03"]);
    assert_eq!(all[2].folder(), "fold-3");
}

#[test]
fn impossible_numbers_are_refused() {
    let sentence = |cases: usize, count| {
        let error = folds(&named(cases), count, 0).expect_err("impossible");
        error.to_string()
    };
    assert!(sentence(5, FoldCount::Number(6)).contains("choose 2 to 5, or all"));
    assert!(sentence(5, FoldCount::Number(1)).contains("into 1 folds"));
    assert!(sentence(5, FoldCount::Number(0)).contains("into 0 folds"));
    assert!(sentence(1, FoldCount::All).contains("there is 1"));
    assert_eq!("all".parse(), Ok(FoldCount::All));
    assert_eq!("5".parse(), Ok(FoldCount::Number(5)));
    assert!("five".parse::<FoldCount>().is_err());
}

fn validation(labels: LabelSet, config: TrainConfig) -> CrossValidation {
    CrossValidation {
        folds: folds(&named(4), FoldCount::Number(2), 0).expect("folds"),
        config,
        labels,
    }
}

fn two() -> LabelSet {
    let names = BTreeMap::from([(1, "liver".to_owned()), (2, "spleen".to_owned())]);
    LabelSet::from_ids([1, 2], &names).expect("labels")
}

#[test]
fn cells_train_on_the_others_and_measure_what_is_learned() {
    let run = validation(two(), TrainConfig::default());
    for (cell, fold) in run.cells().iter().zip(&run.folds) {
        assert_eq!((&cell.training, &cell.evaluation), (&fold.training, &fold.held_out));
        assert_eq!((cell.row.clone(), cell.learned.clone()), (fold.folder(), Some(two())));
        assert_eq!(cell.targets.labels, [1, 2]);
    }
    let reported = TrainConfig {
        reported: vec![2],
        ..TrainConfig::default()
    };
    assert_eq!(validation(two(), reported).cells()[0].targets.labels, [2]);
    let tumor = LabelSet::from_ids([1, 2, 4], &BTreeMap::new()).and_then(|set| set.with_regions(Regions::brats21()));
    let targets = validation(tumor.expect("regions"), TrainConfig::default()).cells()[0]
        .targets
        .clone();
    assert!(targets.labels.is_empty());
    assert_eq!(targets.regions[1].labels, Regions::brats21().0[1].labels);
}

/// The result of a fold whose cases have these Dice of liver and spleen.
fn result(run: &CrossValidation, index: usize, dice: &[[Option<f64>; 2]]) -> CellResult {
    let cell = run.cells()[index].clone();
    let score = |label: u16, dice: Option<f64>| -> LabelScore {
        let distance = dice.map(|dice| 10.0 - dice);
        let score = json!({
            "label": label, "dice": dice, "hd95_mm": distance, "hd95_voxels": distance,
            "ml_predicted": 1.0, "ml_true": 1.0,
        });
        serde_json::from_value(score).expect("a score")
    };
    let cases = cell.evaluation.iter().zip(dice);
    let scores = cases.map(|(case, [liver, spleen])| CaseScore {
        case: case.clone(),
        labels: vec![score(1, *liver), score(2, *spleen)],
    });
    CellResult {
        parameters: 1,
        seconds: 2.0,
        evaluation: Evaluation::new(scores.collect(), &two(), Protocol::default()),
        cell,
    }
}

/// Liver: 0.9, 0.5, 0.7, 0.9, mean 0.75; spleen: 0.8, 0.6, 0.1, none, mean 0.5. By case: 0.85, 0.55, 0.4, 0.9.
#[test]
fn a_summary_has_the_means_and_the_worst_case() {
    let run = validation(two(), TrainConfig::default());
    let first = result(&run, 0, &[[Some(0.9), Some(0.8)], [Some(0.5), Some(0.6)]]);
    let second = result(&run, 1, &[[Some(0.7), Some(0.1)], [Some(0.9), None]]);
    let half = run.summary(std::slice::from_ref(&first)).expect("a summary");
    assert_eq!((half.folds.len(), half.planned), (1, 2));
    // The order of results does not matter.
    let summary = run.summary(&[second, first]).expect("a summary");
    assert_eq!(summary.evaluation.cases.len(), 4);
    let dice = |index: usize| summary.evaluation.labels[index].means.dice.expect("Dice").mean;
    assert!((dice(0) - 0.75).abs() < 1e-12 && (dice(1) - 0.5).abs() < 1e-12);
    assert!((summary.evaluation.mean.dice.expect("Dice").mean - 0.625).abs() < 1e-12);
    let worst = summary.worst.clone().expect("a case");
    assert_eq!(worst.case, run.folds[1].held_out[0]);
    assert!((worst.dice - 0.4).abs() < 1e-12);
    let numbers: Vec<usize> = summary.folds.iter().map(|finished| finished.fold.number).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(summary.folds[1].weights, "fold-2/last.safetensors");
    let lines = summary.to_lines();
    assert!(lines.iter().any(|line| line.starts_with("liver")), "{lines:?}");
    let expected = format!("worst case: {} (fold 2), Dice 0.4000", worst.case);
    assert_eq!(lines.last(), Some(&expected));
}

#[test]
fn a_summary_is_read_again_but_not_of_a_later_version() {
    let run = validation(two(), TrainConfig::default());
    let summary = run
        .summary(&[result(&run, 0, &[[Some(0.5); 2]; 2])])
        .expect("a summary");
    let text = serde_json::to_string(&summary).expect("JSON");
    assert_eq!(FoldSummary::from_json(text.as_bytes()), Ok(summary));
    let later = text.replacen("\"version\":1", "\"version\":2", 1);
    let error = FoldSummary::from_json(later.as_bytes()).expect_err("later");
    assert!(error.contains("newer program"), "{error}");
    assert!(FoldSummary::from_json(b"{}").is_err());
}

#[test]
fn a_fold_is_flat_in_json() {
    let run = validation(two(), TrainConfig::default());
    let summary = run
        .summary(&[result(&run, 0, &[[Some(0.5); 2]; 2])])
        .expect("a summary");
    let value = serde_json::to_value(&summary).expect("JSON");
    let fold: Fold = serde_json::from_value(value["folds"][0].clone()).expect("a fold");
    assert_eq!(fold, run.folds[0]);
}
