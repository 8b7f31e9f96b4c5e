//! Cross-validation of two cases with a network that is small and barely trained.

use medcontext_core::backbone::Size;
use medcontext_core::experiment::{FoldCount, FoldSummary};
use medcontext_core::train::{NetworkChoice, TrainConfig};

use super::tasks::{end, labeled};
use crate::message::{FoldReport, Report, TaskRequest, TrainingReport, TrainingRequest};
use crate::platform::run;

fn leaving_one_out(iterations: usize) -> TrainingRequest {
    TrainingRequest::CrossValidate {
        config: Box::new(TrainConfig {
            network: NetworkChoice::default().with_size(Size::Tiny),
            patch: [32, 32, 32],
            iterations,
            batch_size: 1,
            ..TrainConfig::default()
        }),
        cases: ["a", "b"].map(str::to_owned).into(),
        folds: FoldCount::All,
    }
}

fn reports(all: &[Report]) -> impl Iterator<Item = &FoldReport> {
    all.iter().filter_map(|report| match report {
        Report::Training(TrainingReport::Fold(report)) => Some(report),
        _ => None,
    })
}

fn summaries(all: &[Report]) -> Vec<&FoldSummary> {
    let measured = reports(all).filter_map(|report| match report {
        FoldReport::Measured(summary) => Some(&**summary),
        _ => None,
    });
    measured.collect()
}

#[test]
fn each_case_is_held_out_and_measured_once() {
    run(async {
        let page = labeled().await;
        page.send(leaving_one_out(1));
        let all = end(&page, false).await;
        let mut held_out = Vec::new();
        for report in reports(&all) {
            match report {
                FoldReport::Began {
                    number,
                    folds,
                    held_out: cases,
                } => {
                    held_out.extend(cases.clone());
                    assert_eq!((*number, *folds), (held_out.len(), 2));
                }
                FoldReport::Step { iteration, .. } => assert_eq!(*iteration, 1),
                FoldReport::Measured(_) => {}
            }
        }
        assert_eq!(held_out, ["a", "b"]);
        let summaries = summaries(&all);
        assert_eq!(summaries.len(), 2);
        let last = summaries[1];
        assert_eq!((last.folds.len(), last.planned), (2, 2));
        assert_eq!(last.evaluation.cases.len(), 2);
        assert!(last.worst.is_some());
        // The current weights are as they were.
        assert!(!all.iter().any(|report| matches!(report, Report::Weights(_))));
    });
}

#[test]
fn it_can_be_stopped() {
    run(async {
        let page = labeled().await;
        page.send(leaving_one_out(1000));
        let step = |report: &Report| matches!(report, Report::Training(TrainingReport::Fold(FoldReport::Step { .. })));
        page.until(step).await;
        page.send(TaskRequest::Stop);
        let all = end(&page, true).await;
        assert!(summaries(&all).is_empty());
    });
}
