//! Training, as a task of the worker.

use js_sys::Date;
use medcontext_core::dataset::{Case, LabelSet};
use medcontext_core::train::{CheckpointKind, Event, RunState, Start, TrainConfig, Trainer};
use medcontext_core::weights::Metadata;

use super::error::{Error, Result};
use super::files::blob;
use super::session::{Session, breathe};
use crate::message::Report;
use crate::saved::names;

/// A crash costs at most this much training, and the step that was under way.
const KEEP_EVERY_MS: f64 = 30_000.0;

/// Trains on the named cases.
pub async fn train(
    session: &Session,
    config: TrainConfig,
    cases: &[String],
    validation: &[String],
    from_weights: bool,
) -> Result<()> {
    breathe().await;
    session.drop_kept(names::STATE).await;
    let cases = find(session, cases)?;
    let weights = from_weights.then(|| session.weights()).transpose()?;
    let start = weights.as_deref().map_or(Start::Scratch, Start::Weights);
    let labels = LabelSet::from_cases(&cases, &session.label_names())?;
    let held_out = find(session, validation)?;
    let device = &session.device.device;
    let trainer = Trainer::new(config, cases, held_out, labels, start, device)?;
    drop(weights);
    run(session, trainer).await
}

/// Goes on with the run whose state was kept.
pub async fn go_on(session: &Session, validation: &[String]) -> Result<()> {
    breathe().await;
    let state = session
        .kept_bytes(names::STATE)
        .await?
        .ok_or(Error::NoState)?;
    let RunState {
        config,
        cases,
        labels,
        ..
    } = RunState::read(&state)?;
    let (cases, held_out) = (find(session, &cases)?, find(session, validation)?);
    let device = &session.device.device;
    let start = Start::State(&state);
    let trainer = Trainer::new(config, cases, held_out, labels, start, device)?;
    drop(state);
    run(session, trainer).await
}

fn find(session: &Session, cases: &[String]) -> Result<Vec<Case>> {
    let find = |id: &String| Ok(session.case(id)?.as_ref().clone());
    cases.iter().map(find).collect()
}

/// Drives the run to its end. The weights at hand are the best where there is something to tell by, else the
/// newest; the state is kept at checkpoints and in between, so that the run can go on.
async fn run(session: &Session, mut trainer: Trainer) -> Result<()> {
    let (mut kept, mut best) = (Date::now(), false);
    while let Some(event) = trainer.next().await? {
        let mut keep = None;
        match &event {
            Event::Step { iteration, .. } if Date::now() - kept > KEEP_EVERY_MS => {
                keep = Some(*iteration);
            }
            Event::Checkpoint {
                weights,
                kind,
                iteration,
            } => {
                best |= *kind == CheckpointKind::Best;
                if *kind == CheckpointKind::Best || !best {
                    let metadata = Metadata::read(weights)?;
                    session.keep_weights(weights.clone(), &metadata).await?;
                }
                keep = (*kind == CheckpointKind::Last).then_some(*iteration);
            }
            Event::Finished { stopped: false, .. } => session.drop_kept(names::STATE).await,
            _ => {}
        }
        session.reporter.send(Report::Training(event));
        if let Some(iteration) = keep {
            keep_state(session, &trainer, iteration).await?;
            kept = Date::now();
        }
        session.wait_while_paused().await;
        if session.stopping() {
            trainer.stop();
        }
    }
    Ok(())
}

async fn keep_state(session: &Session, trainer: &Trainer, iteration: usize) -> Result<()> {
    let mut state = Vec::new();
    trainer.write_state(&mut state).await?;
    if session.keep(names::STATE, &blob(&state)?.0).await {
        session.reporter.send(Report::Kept { iteration });
    }
    Ok(())
}
