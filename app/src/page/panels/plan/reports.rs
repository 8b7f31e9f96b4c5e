//! The worker's reports about plans.

use leptos::prelude::*;

use crate::message::PlanReport;
use crate::page::state::State;

/// Updates the page from a report.
pub fn on_report(state: State, report: PlanReport) {
    let (plan, failure) = match report {
        PlanReport::Planned(plan) => (Some(*plan), None),
        PlanReport::Impossible(sentence) => (None, Some(sentence)),
    };
    state.plan.plan.set(plan);
    state.plan.failure.set(failure);
    state.plan.pending.set(false);
}
