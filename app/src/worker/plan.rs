//! Plans a training run from the facts of its cases.

use std::rc::Rc;

use medcontext_core::dataset::{CaseFingerprint, LabelSet};
use medcontext_core::plan::{Budget, Edits, MeasuredPlan, Speed, TrainingPlan};

use super::error::Result;
use super::pool;
use super::reporter::yield_now;
use super::session::Session;
use super::threads::Threads;
use super::train::shared;
use crate::message::{PlanReport, PlanTask, Planned};
use crate::platform::spawn_local;

/// Plans in the background; only the plan that was asked for last is reported.
pub fn plan(session: &Rc<Session>, task: PlanTask) {
    let number = session.plans.get() + 1;
    session.plans.set(number);
    let session = Rc::clone(session);
    spawn_local(async move {
        let report = match at_known_speed(&session, &task).await {
            Ok(planned) => PlanReport::Planned(Box::new(planned)),
            Err(error) => PlanReport::Impossible(error.to_string()),
        };
        if session.plans.get() == number {
            session.reporter.send(report);
        }
    });
}

async fn at_known_speed(session: &Session, task: &PlanTask) -> Result<Planned> {
    let cases = fingerprints(session, &task.cases).await?;
    let labels = LabelSet::from_fingerprints(&cases, &session.label_names())?;
    let known = task.speed.or(session.speed.get());
    let budget = budget(session, task, known);
    let plan = TrainingPlan::new(&cases, &labels, &budget).map_err(medcontext_core::Error::from)?;
    Ok(Planned::new(plan, &budget, known.is_some(), cases, labels.outputs()))
}

/// Plans with the speed that a few steps show. A plan that was asked for before is not reported any more.
pub async fn measure(session: &Session, task: PlanTask, edits: Edits) -> Result<()> {
    yield_now().await;
    session.plans.set(session.plans.get() + 1);
    let cases = fingerprints(session, &task.cases).await?;
    let labels = LabelSet::from_fingerprints(&cases, &session.label_names())?;
    let budget = budget(session, &task, None);
    let (channels, outputs) = (cases.first().map_or(1, |case| case.channels), labels.outputs());
    // Measured as it is trained.
    let adjust = |config: &_| {
        let edited = edits.over(config, &budget, channels, outputs);
        edited.map(|config| shared(session, config))
    };
    let device = &session.device.device;
    let go_on = async || !session.reporter.pause_or_stop().await;
    let workers = pool::start(session, budget.at_once, budget.memory / budget.at_once as u64).await;
    let found = TrainingPlan::measured(&cases, &labels, budget, device, &workers, adjust, go_on).await?;
    let Some(MeasuredPlan { plan, speed, .. }) = found else {
        return Ok(());
    };
    session.speed.set(Some(speed));
    let budget = Budget { speed, ..budget };
    let planned = Planned::new(plan, &budget, true, cases, outputs);
    session.reporter.send(PlanReport::Planned(Box::new(planned)));
    Ok(())
}

fn budget(session: &Session, task: &PlanTask, speed: Option<Speed>) -> Budget {
    let at_once = session.threads.map_or(1, |threads| threads.count);
    let each = session.threads.and_then(Threads::bytes_each);
    let memory = Budget::DEFAULT.memory;
    Budget {
        minutes: task.minutes,
        speed: speed.unwrap_or(Budget::DEFAULT.speed.times(at_once)),
        at_once,
        memory: at_once as u64 * each.map_or(memory, |each| each.min(memory)),
        ..Budget::DEFAULT
    }
}

/// The facts of cases, each read from its voxels once.
async fn fingerprints(session: &Session, ids: &[String]) -> Result<Vec<CaseFingerprint>> {
    let mut found = Vec::new();
    for id in ids {
        let known = session.fingerprints.borrow().get(id).cloned();
        let fingerprint = match known {
            Some(fingerprint) => fingerprint,
            None => {
                let reading = session.read(id).await?;
                let fingerprint = CaseFingerprint::of(&reading.case);
                session
                    .fingerprints
                    .borrow_mut()
                    .insert(id.clone(), fingerprint.clone());
                yield_now().await;
                fingerprint
            }
        };
        found.push(fingerprint);
    }
    Ok(found)
}
