//! Training, as a task of the worker.

use std::rc::Rc;

use medcontext_core::dataset::{Case, CaseFingerprint, LabelSet, check_memory, not_learned};
use medcontext_core::infer::{self, PredictConfig, label_file};
use medcontext_core::pool::Worker;
use medcontext_core::train::{self, CheckpointKind, Event, RunState, Start, TrainConfig, Trainer};
use medcontext_core::weights::Metadata;

use super::error::{Error, Result};
use super::pool;
use super::reporter::yield_now;
use super::session::Session;
use crate::message::TrainingReport;
use crate::platform::now;
use crate::saved::{blob, names};

/// A crash costs at most this much training, and the step that was under way.
const STORE_EVERY_MS: f64 = 30_000.0;

/// Memory for volumes: a page has 4 GiB, of which the network needs some.
const ROOM: u64 = 3 << 30;

/// Trains on the named cases.
pub async fn train(
    session: &Session,
    config: TrainConfig,
    cases: &[String],
    validation: &[String],
    from_weights: bool,
) -> Result<()> {
    yield_now().await;
    check_room(session, &[cases, validation])?;
    session.stored.remove(names::STATE).await;
    let cases = find(session, cases).await?;
    let weights = from_weights.then(|| session.weights()).transpose()?;
    let start = weights.as_deref().map_or(Start::Scratch, Start::Weights);
    let labels = LabelSet::from_cases(&cases, &session.label_names())?;
    let held_out = find(session, validation).await?;
    say_what_is_learned(session, &labels, &held_out)?;
    let device = &session.device.device;
    let config = shared(session, config);
    let workers = threads(session, &config).await;
    let trainer = Trainer::new(config, cases, held_out, labels, start, device)?;
    drop(weights);
    run(session, trainer, workers).await
}

/// The settings as they are trained with here: on the CPU threads share the patches of a step.
pub(super) fn shared(session: &Session, config: TrainConfig) -> TrainConfig {
    match session.threads {
        Some(_) => config.by_patch(),
        None => config,
    }
}

/// Threads that share the steps of a run, as many as there are patches in one.
pub(super) async fn threads(session: &Session, config: &TrainConfig) -> Vec<Rc<dyn Worker>> {
    pool::start(session, config.accumulation, config.training_bytes()).await
}

/// Says what is odd about labels that are about to be learned.
fn say_what_is_learned(session: &Session, labels: &LabelSet, held_out: &[Case]) -> Result<()> {
    let held_out: Vec<CaseFingerprint> = held_out.iter().map(CaseFingerprint::of).collect();
    let sentences = session.library().check_labels(labels)?;
    for sentence in sentences.into_iter().chain(not_learned(labels, &held_out)) {
        session.mention_once(sentence);
    }
    Ok(())
}

/// Takes a few steps of a run on the named cases, and tells how long they took.
pub async fn rehearse(session: &Session, config: TrainConfig, cases: &[String]) -> Result<()> {
    yield_now().await;
    check_room(session, &[cases])?;
    let cases = find(session, cases).await?;
    let labels = LabelSet::from_cases(&cases, &session.label_names())?;
    let device = &session.device.device;
    let go_on = async || !session.reporter.pause_or_stop().await;
    let config = shared(session, config);
    let workers = threads(session, &config).await;
    let times = train::rehearse(config, cases, labels, device, &workers, go_on).await?;
    if let Some(times) = times {
        session.reporter.send(TrainingReport::Rehearsed(times));
    }
    Ok(())
}

/// Resumes the run whose state was stored.
pub async fn resume(session: &Session, validation: &[String]) -> Result<()> {
    yield_now().await;
    let state = session.stored.bytes(names::STATE).await?.ok_or(Error::NoState)?;
    let RunState {
        config,
        mut cases,
        unlabeled,
        labels,
        ..
    } = RunState::read(&state)?;
    cases.extend(unlabeled);
    check_room(session, &[&cases, validation])?;
    let (cases, held_out) = (find(session, &cases).await?, find(session, validation).await?);
    let device = &session.device.device;
    let start = Start::Resume(&state);
    let workers = threads(session, &config).await;
    let trainer = Trainer::new(config, cases, held_out, labels, start, device)?;
    drop(state);
    run(session, trainer, workers).await
}

/// The named cases, read.
pub(super) async fn find(session: &Session, ids: &[String]) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for id in ids {
        cases.push(session.take_case(id).await?);
    }
    Ok(cases)
}

/// Refuses cases that would not fit into the memory of a page, before any is read.
pub(super) fn check_room(session: &Session, ids: &[&[String]]) -> Result<()> {
    let cases = session.cases.borrow();
    let found = ids.iter().copied().flatten().filter_map(|id| cases.get(id));
    let bytes: Vec<u64> = found.map(|info| info.header.bytes()).collect();
    Ok(check_memory(&bytes, ROOM)?)
}

/// Drives the run to its end. The current weights become the best ones if the run validates, else the newest. The state
/// is stored at checkpoints and every half minute, so that the run can be resumed.
async fn run(session: &Session, mut trainer: Trainer, workers: Vec<Rc<dyn Worker>>) -> Result<()> {
    trainer.share_with(&workers)?;
    let (mut stored, mut best) = (now(), false);
    while let Some(event) = trainer.next().await? {
        let mut store = None;
        match &event {
            Event::Step { iteration, .. } if now() - stored > STORE_EVERY_MS => {
                store = Some(*iteration);
            }
            Event::Checkpoint {
                weights,
                kind,
                iteration,
            } => {
                best |= *kind == CheckpointKind::Best;
                if *kind == CheckpointKind::Best || !best {
                    let metadata = Metadata::read(weights)?;
                    session.take_weights(weights.clone(), &metadata).await?;
                }
                store = (*kind == CheckpointKind::Last).then_some(*iteration);
            }
            Event::Finished { stopped: false, .. } => session.stored.remove(names::STATE).await,
            _ => {}
        }
        let validated = match &event {
            Event::Validated { iteration, .. } => Some(*iteration),
            _ => None,
        };
        session.reporter.send(TrainingReport::Event(event));
        if let Some(iteration) = validated {
            preview(session, &trainer, &workers, iteration).await?;
        }
        if let Some(iteration) = store {
            store_state(session, &trainer, iteration).await?;
            stored = now();
        }
        if session.reporter.pause_or_stop().await {
            trainer.stop();
        }
    }
    Ok(())
}

/// Segments the case in view as the run stands, so that one sees it learn.
async fn preview(session: &Session, trainer: &Trainer, workers: &[Rc<dyn Worker>], iteration: usize) -> Result<()> {
    let Some(id) = session.viewed.borrow().clone() else {
        return Ok(());
    };
    // It may have been removed since, or be no image for this network: neither harms the run.
    let Ok(reading) = session.read(&id).await else {
        return Ok(());
    };
    let predictor = trainer.predictor();
    let mut pool = predictor.pool(workers).await?;
    let Ok(mut run) = predictor.start_channels(&reading.case.images(), PredictConfig::default()) else {
        return Ok(());
    };
    while let Some(event) = run.next_in(&mut pool).await? {
        if let infer::Event::Finished { segmentation, .. } = event {
            let file = blob(&label_file(&segmentation.labels))?;
            session.reporter.send(TrainingReport::Preview {
                case: id.clone(),
                iteration,
                file,
            });
        }
        if session.reporter.pause_or_stop().await {
            break;
        }
    }
    Ok(())
}

async fn store_state(session: &Session, trainer: &Trainer, iteration: usize) -> Result<()> {
    let mut state = Vec::new();
    trainer.write_state(&mut state).await?;
    if session.store(names::STATE, &blob(&state)?.0).await {
        session.reporter.send(TrainingReport::Kept { iteration });
    }
    Ok(())
}
