//! Training, as a task of the worker.

use medcontext_core::dataset::{Case, CaseFingerprint, LabelSet, not_learned};
use medcontext_core::infer::{self, PredictConfig, Predictor, label_file};
use medcontext_core::train::{CheckpointKind, Event, RunState, Start, TrainConfig, Trainer};
use medcontext_core::weights::Metadata;

use super::bytes::blob;
use super::entry::Entry;
use super::error::{Error, Result};
use super::reporter::yield_now;
use super::session::Session;
use crate::message::TrainingReport;
use crate::platform::now;
use crate::saved::names;

/// A crash costs at most this much training, and the step that was under way.
const STORE_EVERY_MS: f64 = 30_000.0;

/// Memory for volumes: a page has 4 GiB, of which the network needs some.
const ROOM: u64 = 3 << 30;
const GIB: f64 = (1u64 << 30) as f64;

/// Steps of a rehearsal: one in which a GPU's shaders are compiled, and some that are like all others.
const REHEARSAL_STEPS: usize = 4;

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
    session.drop_stored(names::STATE).await;
    let cases = find(session, cases).await?;
    let weights = from_weights.then(|| session.weights()).transpose()?;
    let start = weights.as_deref().map_or(Start::Scratch, Start::Weights);
    let labels = LabelSet::from_cases(&cases, &session.label_names())?;
    let held_out = find(session, validation).await?;
    say_what_is_learned(session, &labels, &held_out)?;
    let device = &session.device.device;
    let trainer = Trainer::new(config, cases, held_out, labels, start, device)?;
    drop(weights);
    run(session, trainer).await
}

/// Says what is to be said of labels that are about to be learned.
fn say_what_is_learned(session: &Session, labels: &LabelSet, held_out: &[Case]) -> Result<()> {
    let library = session.library();
    let declared = library.dataset_json().map(|json| json.check(labels));
    let declared = declared.transpose()?;
    let held_out: Vec<CaseFingerprint> = held_out.iter().map(CaseFingerprint::of).collect();
    let unknown = not_learned(labels, &held_out);
    for sentence in declared.into_iter().flatten().chain(unknown) {
        session.mention_once(sentence);
    }
    Ok(())
}

/// Takes a few steps of a run on the named cases, and tells how long they took.
pub async fn rehearse(session: &Session, config: TrainConfig, cases: &[String]) -> Result<()> {
    yield_now().await;
    check_room(session, &[cases])?;
    let config = TrainConfig {
        iterations: REHEARSAL_STEPS,
        ..config
    };
    let cases = find(session, cases).await?;
    let labels = LabelSet::from_cases(&cases, &session.label_names())?;
    let device = &session.device.device;
    let start = Start::Scratch;
    let mut trainer = Trainer::new(config, cases, Vec::new(), labels, start, device)?;
    let mut steps = Vec::new();
    while steps.len() < REHEARSAL_STEPS && !session.reporter.stopping() {
        if let Some(Event::Step { seconds, .. }) = trainer.next().await? {
            steps.push(seconds);
        }
        session.reporter.wait_while_paused().await;
    }
    if let [first, rest @ ..] = &steps[..]
        && !rest.is_empty()
    {
        session.reporter.send(TrainingReport::Rehearsed {
            first_seconds: *first,
            step_seconds: rest.iter().sum::<f64>() / rest.len() as f64,
        });
    }
    Ok(())
}

/// Resumes the run whose state was stored.
pub async fn resume(session: &Session, validation: &[String]) -> Result<()> {
    yield_now().await;
    let state = session.stored_bytes(names::STATE).await?.ok_or(Error::NoState)?;
    let RunState {
        config, cases, labels, ..
    } = RunState::read(&state)?;
    check_room(session, &[&cases, validation])?;
    let (cases, held_out) = (find(session, &cases).await?, find(session, validation).await?);
    let device = &session.device.device;
    let start = Start::Resume(&state);
    let trainer = Trainer::new(config, cases, held_out, labels, start, device)?;
    drop(state);
    run(session, trainer).await
}

async fn find(session: &Session, ids: &[String]) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for id in ids {
        cases.push(session.take_case(id).await?);
    }
    Ok(cases)
}

/// Refuses cases that would not fit into the memory of a page, before any is read.
fn check_room(session: &Session, ids: &[&[String]]) -> Result<()> {
    let cases = session.cases.borrow();
    let entries = ids.iter().flat_map(|ids| ids.iter());
    let sizes: Vec<u64> = entries.filter_map(|id| cases.get(id)).map(Entry::bytes).collect();
    let needed: u64 = sizes.iter().sum();
    if needed > ROOM {
        return Err(Error::NoMemory {
            cases: match sizes.len() {
                1 => "this case takes".to_owned(),
                number => format!("these {number} cases take"),
            },
            needed_gib: needed as f64 / GIB,
            room_gib: ROOM as f64 / GIB,
        });
    }
    Ok(())
}

/// Drives the run to its end. The weights at hand are the best where there is something to tell by, else the
/// newest; the state is kept at checkpoints and in between, so that the run can go on.
async fn run(session: &Session, mut trainer: Trainer) -> Result<()> {
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
            Event::Finished { stopped: false, .. } => session.drop_stored(names::STATE).await,
            _ => {}
        }
        let validated = match &event {
            Event::Validated { iteration, .. } => Some(*iteration),
            _ => None,
        };
        session.reporter.send(TrainingReport::Event(event));
        if let Some(iteration) = validated {
            preview(session, &trainer, iteration).await?;
        }
        if let Some(iteration) = store {
            store_state(session, &trainer, iteration).await?;
            stored = now();
        }
        session.reporter.wait_while_paused().await;
        if session.reporter.stopping() {
            trainer.stop();
        }
    }
    Ok(())
}

/// Segments the case in view as the run stands, so that one sees it learn.
async fn preview(session: &Session, trainer: &Trainer, iteration: usize) -> Result<()> {
    let Some(id) = session.viewed.borrow().clone() else {
        return Ok(());
    };
    // It may have been removed since, or be no image for this network: neither harms the run.
    let Ok(case) = session.case(&id).await else {
        return Ok(());
    };
    let device = &session.device.device;
    let predictor = Predictor::new(trainer.student(), trainer.metadata(), device);
    let Ok(mut run) = predictor.start_channels(&case.images(), PredictConfig::default()) else {
        return Ok(());
    };
    while let Some(event) = run.next().await? {
        if let infer::Event::Finished { segmentation, .. } = event {
            let file = blob(&label_file(&segmentation.labels))?;
            session.reporter.send(TrainingReport::Preview {
                case: id.clone(),
                iteration,
                file,
            });
        }
        session.reporter.wait_while_paused().await;
        if session.reporter.stopping() {
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
