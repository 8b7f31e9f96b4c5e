//! Training and segmentation, on a network that is small and barely trained.

use medcontext_core::backbone::Size;
use medcontext_core::infer::Inference;
use medcontext_core::train::{Event, Losses, NetworkChoice, TrainConfig};
use medcontext_core::transform::Crop;
use medcontext_core::volume::{Image, LabelImage, Limits};

use super::{Page, pair_by_hand, problems, two_cases};
use crate::message::{
    Report, SegmentationReport, SegmentationRequest, Segmented, TaskReport, TaskRequest, TrainingReport,
    TrainingRequest, WorkerRequest,
};
use crate::platform::{read, run};
use crate::saved::FileLibrary;

/// Trains on both cases.
fn training(iterations: usize) -> TrainingRequest {
    training_with(settings(iterations))
}

fn settings(iterations: usize) -> TrainConfig {
    TrainConfig {
        network: NetworkChoice::default().with_size(Size::Tiny),
        patch: [32, 32, 32],
        iterations,
        batch_size: 1,
        ..TrainConfig::default()
    }
}

fn training_with(config: TrainConfig) -> TrainingRequest {
    TrainingRequest::Train {
        config: Box::new(config),
        cases: ["a", "b"].map(str::to_owned).into(),
        validation: Vec::new(),
        from_weights: false,
        viewed: None,
    }
}

/// Both cases, labeled.
pub(super) async fn labeled() -> Page {
    let (page, _) = Page::open().await;
    page.add(two_cases()).await;
    page.ask(pair_by_hand()).await;
    page.read().await;
    page
}

/// The reports up to the end of the task, which is `stopped` and nothing worse.
pub(super) async fn end(page: &Page, expected: bool) -> Vec<Report> {
    let ended = |report: &Report| matches!(report, Report::Task(_));
    let reports = page.until(ended).await;
    let Some(Report::Task(TaskReport::Ended { stopped, failure })) = reports.last() else {
        panic!("it did not end");
    };
    assert_eq!((*stopped, failure), (expected, &None));
    reports
}

fn losses(reports: &[Report]) -> Vec<Losses> {
    let losses = reports.iter().filter_map(|report| match report {
        Report::Training(TrainingReport::Event(Event::Step { losses, .. })) => Some(*losses),
        _ => None,
    });
    losses.collect()
}

fn segmented(reports: &[Report]) -> Vec<&Segmented> {
    let found = reports.iter().filter_map(|report| match report {
        Report::Segmentation(SegmentationReport::Done(found)) => Some(found),
        _ => None,
    });
    found.collect()
}

#[test]
fn a_network_is_trained_segments_and_trains_alike_after_a_handover() {
    run(async {
        let first = labeled().await;
        first.send(training(2));
        let reports = end(&first, false).await;
        assert!(problems(&reports).is_empty());
        let trained = losses(&reports);
        assert_eq!(trained.len(), 2);
        for step in &trained {
            // DiceCE over three classes of a network that knows nothing yet.
            assert!((0.5..6.0).contains(&step.supervised), "{step:?}");
            assert!(step.masked.is_some() && step.consistency.is_some());
        }
        let mut weights = reports.iter().filter_map(|report| match report {
            Report::Weights(weights) => Some(&weights.info),
            _ => None,
        });
        let weights = weights.next_back().expect("there are weights");
        assert!(weights.summary.contains(": 2 iterations with MedContext"));

        first.send(SegmentationRequest {
            cases: vec!["a".to_owned()],
            inference: Inference::default(),
            keep_logits: false,
        });
        let reports = end(&first, false).await;
        let found = segmented(&reports);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].case, "a");
        assert_eq!(found[0].result.seen, Some(true));
        assert!(found[0].result.score.is_some() && found[0].uncertainty.is_some());
        let bytes = read(&found[0].file.0).await.expect("it is in memory");
        let map = Image::read(&bytes, &Limits::default()).and_then(LabelImage::from_image);
        let voxels = map.expect("a label map").labels().len();
        let volumes: usize = found[0].result.volumes.iter().map(|one| one.voxels).sum();
        assert!(volumes <= voxels);

        let (second, _) = Page::open().await;
        let library: FileLibrary = first.library.borrow().clone();
        second.ask(WorkerRequest::Resume(Box::new(library))).await;
        second.read().await;
        second.send(training(2));
        assert_eq!(losses(&end(&second, false).await), trained);
    });
}

#[test]
fn a_cascade_is_trained_and_segments() {
    run(async {
        let page = labeled().await;
        let mut config = settings(2);
        config.coarse = Some(Box::new(settings(1)));
        config.preprocessing.crop = Crop::Labels { margin_mm: 5 };
        page.send(training_with(config));
        let reports = end(&page, false).await;
        assert_eq!((problems(&reports).len(), losses(&reports).len()), (0, 3));
        let second = |report: &Report| {
            matches!(
                report,
                Report::Training(TrainingReport::Event(Event::SecondStage { .. }))
            )
        };
        assert_eq!(reports.iter().filter(|report| second(report)).count(), 1);
        let mut weights = reports.iter().filter_map(|report| match report {
            Report::Weights(weights) => Some(&weights.info),
            _ => None,
        });
        let weights = weights.next_back().expect("there are weights");
        assert!(weights.summary.contains("in two stages") && weights.metadata.coarse.is_some());

        page.send(SegmentationRequest {
            cases: vec!["a".to_owned()],
            inference: Inference::default(),
            keep_logits: false,
        });
        let reports = end(&page, false).await;
        assert_eq!(segmented(&reports).len(), 1);
    });
}

#[test]
fn a_stopped_run_keeps_its_state_and_goes_on() {
    run(async {
        let page = labeled().await;
        page.send(training(1000));
        let step = |report: &Report| matches!(report, Report::Training(TrainingReport::Event(Event::Step { .. })));
        page.until(step).await;
        page.send(TaskRequest::Stop);
        let reports = end(&page, true).await;
        let stored = reports.iter().rev().find_map(|report| match report {
            Report::Training(TrainingReport::Kept { iteration }) => Some(*iteration),
            _ => None,
        });
        let stored = stored.expect("the state is stored");

        page.send(TrainingRequest::Resume {
            validation: Vec::new(),
            viewed: None,
        });
        let reports = page.until(step).await;
        let Some(Report::Training(TrainingReport::Event(Event::Step { iteration, .. }))) = reports.last() else {
            panic!("it takes no step");
        };
        assert_eq!(*iteration, stored + 1);
        page.send(TaskRequest::Stop);
        end(&page, true).await;
    });
}
