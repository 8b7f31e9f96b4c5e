//! Segmentation, as a task of the worker.

use medcontext_core::dataset::Case;
use medcontext_core::infer::{
    Event, PredictConfig, Predictor, Segmentation, Uncertainty, label_file, logits_file,
    uncertainty_file,
};
use medcontext_core::metric::{Hausdorff, Targets};

use super::error::{Error, Result};
use super::files::blob;
use super::session::{Session, breathe};
use crate::message::Report;
use crate::saved::{Doubt, SavedResult, names};

/// Segments the named cases with the weights at hand, one after another. A case that fails is named; the
/// others go on.
pub async fn predict(
    session: &Session,
    cases: Vec<String>,
    flips: bool,
    keep_logits: bool,
) -> Result<()> {
    breathe().await;
    let predictor = Predictor::load(&session.weights()?, &session.device.device)?;
    let config = PredictConfig {
        flips,
        keep_logits,
        uncertainty: true,
        ..PredictConfig::default()
    };
    for case in cases {
        if session.stopping() {
            break;
        }
        if let Err(error) = segment(session, &predictor, &case, config).await {
            let reason = error.to_string();
            session.reporter.send(Report::NotSegmented { case, reason });
        }
    }
    Ok(())
}

/// Segments one case, unless stopped.
async fn segment(
    session: &Session,
    predictor: &Predictor,
    id: &str,
    config: PredictConfig,
) -> Result<()> {
    let case = session.case(id).await?;
    let mut run = predictor.start_channels(&case.images(), config)?;
    while let Some(event) = run.next().await? {
        let progress = |done, windows, remaining_seconds| Report::Predicting {
            case: id.to_owned(),
            done,
            windows,
            remaining_seconds,
        };
        let report = match event {
            Event::Started { windows } => progress(0, windows, 0.0),
            Event::Window {
                done,
                windows,
                remaining_seconds,
            } => progress(done, windows, remaining_seconds),
            Event::Finished {
                segmentation,
                seconds,
            } => {
                let seen = predictor.metadata().training.saw(id);
                let report = segmented(&case, &segmentation, seconds, seen)?;
                keep(session, &report).await;
                report
            }
        };
        session.reporter.send(report);
        session.wait_while_paused().await;
        if session.stopping() {
            break;
        }
    }
    Ok(())
}

/// Keeps what was found for the next visit.
async fn keep(session: &Session, report: &Report) {
    let Report::Segmented {
        case,
        file,
        uncertainty,
        ..
    } = report
    else {
        return;
    };
    session.keep(&names::segmentation(case), &file.0).await;
    if let Some(map) = uncertainty {
        session.keep(&names::uncertainty(case), &map.0).await;
    }
}

/// The report of a segmented case, measured where it has labels of its own.
fn segmented(
    case: &Case,
    segmentation: &Segmentation,
    seconds: f64,
    seen: Option<bool>,
) -> Result<Report> {
    let logits = segmentation.logits.as_ref().map(|logits| {
        let file = logits_file(logits).map_err(|error| Error::Logits(error.to_string()));
        blob(&file?)
    });
    let score = case.label.as_ref().map(|truth| {
        let (targets, form) = (Targets::default(), Hausdorff::default());
        targets.score(&case.id, &segmentation.labels, truth, form)
    });
    let uncertainty = segmentation.uncertainty.as_ref();
    let map = uncertainty.map(|found| blob(&uncertainty_file(found)));
    Ok(Report::Segmented {
        case: case.id.clone(),
        result: SavedResult {
            volumes: segmentation.volumes.clone(),
            seconds,
            score: score.transpose()?,
            doubt: uncertainty.and_then(doubt),
            seen,
        },
        file: blob(&label_file(&segmentation.labels))?,
        uncertainty: map.transpose()?,
        logits: logits.transpose()?,
    })
}

/// Where to look first; nowhere where nothing is uncertain.
fn doubt(uncertainty: &Uncertainty) -> Option<Doubt> {
    let spot = uncertainty.most()?;
    let affine = &uncertainty.map.grid().affine;
    Some(Doubt {
        mean: uncertainty.mean,
        slice: spot.slice_number(),
        mm: affine.apply(spot.voxel.map(|index| index as f64)),
    })
}
