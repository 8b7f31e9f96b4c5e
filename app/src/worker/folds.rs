//! Cross-validation, as a task of the worker.

use std::collections::BTreeMap;

use medcontext_core::dataset::{Case, LabelSet};
use medcontext_core::experiment::{Cell, CrossValidation, Event, FoldCount, Runner, Source, folds};
use medcontext_core::train::{self, TrainConfig};
use medcontext_core::volume::LabelImage;

use super::error::{Error, Result};
use super::reporter::yield_now;
use super::session::Session;
use super::train::{check_room, find, shared, threads};
use crate::message::{FoldReport, TrainingReport};

/// The cases of all folds, in memory.
struct Held {
    cases: Vec<Case>,
    names: BTreeMap<u16, String>,
}

impl Source for Held {
    type Error = Error;

    /// Folds name their cases themselves.
    fn list(&self, name: &str) -> Result<Vec<String>> {
        Err(Error::NoCase(name.to_owned()))
    }

    /// Folds are not resumed.
    fn state(&self, _: &Cell) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn read(&self, case: &str) -> Result<Case> {
        let found = self.cases.iter().find(|held| held.id == case);
        found.cloned().ok_or_else(|| Error::NoCase(case.to_owned()))
    }

    fn label_names(&self) -> BTreeMap<u16, String> {
        self.names.clone()
    }
}

/// Trains on all but some of the named cases and measures those, until each was held out once. The networks are not
/// kept: what counts is how good one that is trained on these cases would be.
pub async fn cross_validate(session: &Session, config: TrainConfig, cases: &[String], count: FoldCount) -> Result<()> {
    yield_now().await;
    // A fold prepares its cases beside those that are held for the others.
    check_room(session, &[cases, cases])?;
    let source = Held {
        cases: find(session, cases).await?,
        names: session.label_names(),
    };
    let labels = LabelSet::from_cases(&source.cases, &source.names)?;
    let config = shared(session, config);
    let workers = threads(session, &config).await;
    let validation = CrossValidation {
        folds: folds(cases, count, config.seed)?,
        config,
        labels,
    };
    let mut runner = Runner::new(&source, validation.cells(), &session.device.device).sharing_with(&workers);
    let (mut results, mut number) = (Vec::new(), 0);
    let mut predicted: BTreeMap<String, LabelImage> = BTreeMap::new();
    while let Some(event) = runner.next().await? {
        if let Event::Cell { .. } = &event {
            number += 1;
        }
        if let Event::Case {
            segmentation, score, ..
        } = &event
        {
            predicted.insert(score.case.clone(), segmentation.labels.clone());
        }
        if let Event::Finished(result) = &event {
            results.push((**result).clone());
            let mut summary = Box::new(validation.summary(&results)?);
            if summary.is_complete() {
                summary.choose_post_processing(&source, &predicted, |labels| Ok(labels.clone()))?;
            }
            session
                .reporter
                .send(TrainingReport::Fold(FoldReport::Measured(summary)));
        }
        if let Some(report) = progress(event, number, runner.remaining_seconds()) {
            session.reporter.send(TrainingReport::Fold(report));
        }
        if session.reporter.pause_or_stop().await {
            runner.stop();
        }
    }
    Ok(())
}

/// What is said of an event of fold `number`, where all folds take so many seconds more.
fn progress(event: Event, number: usize, left: Option<f64>) -> Option<FoldReport> {
    match event {
        Event::Cell { cell, cells, .. } => Some(FoldReport::Began {
            number,
            folds: cells,
            held_out: cell.evaluation,
        }),
        Event::Training(train::Event::Step {
            iteration,
            seconds,
            remaining_seconds,
            ..
        }) => Some(FoldReport::Step {
            number,
            iteration,
            seconds,
            remaining_seconds: left.unwrap_or(remaining_seconds),
        }),
        _ => None,
    }
}
