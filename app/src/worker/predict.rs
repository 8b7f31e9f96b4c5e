//! Segmentation, as a task of the worker.

use medcontext_core::dataset::Case;
use medcontext_core::infer::{
    Event, PredictConfig, Predictor, Segmentation, label_file, logits_file, uncertainty_file,
};
use medcontext_core::metric::{Protocol, Targets};
use medcontext_core::pool::Pool;
use medcontext_core::weights::Metadata;

use super::error::{Error, Result};
use super::pool;
use super::reporter::yield_now;
use super::session::Session;
use crate::message::{SegmentationReport, SegmentationRequest, Segmented};
use crate::saved::{SavedResult, Uncertainty, blob, names};

/// Segments cases with the current weights, one at a time. A case that fails is reported, and the next one follows.
pub async fn predict(session: &Session, request: SegmentationRequest) -> Result<()> {
    let SegmentationRequest {
        cases,
        inference,
        keep_logits,
    } = request;
    yield_now().await;
    let weights = session.weights()?;
    let predictor = Predictor::load(&weights, &session.device.device)?;
    let Metadata { network, patch, .. } = predictor.metadata();
    let mut pool = LazyPool {
        bytes_each: network.inference_bytes(weights.len() / size_of::<f32>(), *patch),
        pool: Pool::default(),
        started: false,
    };
    let config = PredictConfig {
        inference,
        keep_logits,
        uncertainty: true,
        ..PredictConfig::default()
    };
    for case in cases {
        if session.reporter.stopping() {
            break;
        }
        if let Err(error) = segment(session, &predictor, &mut pool, &case, config).await {
            let reason = error.to_string();
            session.reporter.send(SegmentationReport::Failed { case, reason });
        }
    }
    Ok(())
}

/// The pool of a task, whose threads are started once there is more than one window to share.
struct LazyPool {
    bytes_each: u64,
    pool: Pool,
    started: bool,
}

impl LazyPool {
    /// The pool for so many windows.
    async fn of(&mut self, session: &Session, predictor: &Predictor, windows: usize) -> Result<&mut Pool> {
        if windows > 1 && !self.started {
            let workers = pool::start(session, usize::MAX, self.bytes_each).await;
            self.pool = predictor.pool(&workers).await?;
            self.started = true;
        }
        Ok(&mut self.pool)
    }
}

/// Segments one case, unless stopped.
async fn segment(
    session: &Session,
    predictor: &Predictor,
    pool: &mut LazyPool,
    id: &str,
    config: PredictConfig,
) -> Result<()> {
    let reading = session.read(id).await?;
    let case = &reading.case;
    let mut run = predictor.start_channels(&case.images(), config)?;
    let mut windows = 0;
    while let Some(event) = run.next_in(pool.of(session, predictor, windows).await?).await? {
        let progress = |done, windows, remaining_seconds| SegmentationReport::Progress {
            case: id.to_owned(),
            done,
            windows,
            remaining_seconds,
        };
        let report = match event {
            Event::Started { windows: all } => {
                windows = all;
                progress(0, all, 0.0)
            }
            Event::Window {
                done,
                windows: all,
                remaining_seconds,
            } => {
                windows = all;
                progress(done, all, remaining_seconds)
            }
            Event::Finished { segmentation, seconds } => {
                let seen = predictor.metadata().training.saw(id);
                let found = segmented(case, &segmentation, seconds, seen)?;
                store(session, &found).await;
                SegmentationReport::Done(found)
            }
        };
        session.reporter.send(report);
        if session.reporter.pause_or_stop().await {
            break;
        }
    }
    Ok(())
}

/// Stores what was found for the next visit.
async fn store(session: &Session, found: &Segmented) {
    session.store(&names::segmentation(&found.case), &found.file.0).await;
    if let Some(map) = &found.uncertainty {
        session.store(&names::uncertainty(&found.case), &map.0).await;
    }
}

/// The report of a segmented case, with its scores if it has labels.
fn segmented(case: &Case, segmentation: &Segmentation, seconds: f64, seen: Option<bool>) -> Result<Segmented> {
    let logits = segmentation.logits.as_ref().map(logits_file).transpose();
    let logits = logits.map_err(|error| Error::Logits(error.to_string()))?;
    let score = case
        .label
        .as_ref()
        .map(|truth| Targets::default().score(&case.id, &segmentation.labels, truth, Protocol::default()));
    let uncertainty = segmentation.uncertainty.as_ref();
    let map = uncertainty.map(|found| blob(&uncertainty_file(found)));
    Ok(Segmented {
        case: case.id.clone(),
        result: SavedResult {
            volumes: segmentation.volumes.clone(),
            seconds,
            score: score.transpose()?,
            uncertainty: uncertainty.and_then(Uncertainty::of),
            seen,
        },
        file: blob(&label_file(&segmentation.labels))?,
        uncertainty: map.transpose()?,
        logits: logits.map(|file| blob(&file)).transpose()?,
    })
}
