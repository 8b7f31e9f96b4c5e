//! Training, as a task of the worker.

use medcontext_core::dataset::{Case, LabelSet};
use medcontext_core::train::{Event, Start, TrainConfig, Trainer};
use medcontext_core::weights::Metadata;

use super::error::Result;
use super::session::{Session, breathe};
use crate::message::Report;

/// Trains on the named cases and keeps every checkpoint as the weights at hand.
pub async fn train(
    session: &Session,
    config: TrainConfig,
    cases: &[String],
    from_weights: bool,
) -> Result<()> {
    breathe().await;
    let cases = cases
        .iter()
        .map(|id| Ok(session.case(id)?.as_ref().clone()))
        .collect::<Result<Vec<Case>>>()?;
    let weights = from_weights.then(|| session.weights()).transpose()?;
    let start = weights.as_deref().map_or(Start::Scratch, Start::Weights);
    let labels = LabelSet::from_cases(&cases, &session.label_names())?;
    let device = &session.device.device;
    let mut trainer = Trainer::new(config, cases, Vec::new(), labels, start, device)?;
    while let Some(event) = trainer.next().await? {
        if let Event::Checkpoint { weights, .. } = &event {
            session.keep_weights(weights.clone(), &Metadata::read(weights)?)?;
        }
        session.reporter.send(Report::Training(event));
        breathe().await;
        if session.stopping() {
            trainer.stop();
        }
    }
    Ok(())
}
