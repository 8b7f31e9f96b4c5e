//! The worker's reports about the saved session.

use std::collections::BTreeMap;

use leptos::prelude::*;

use crate::message::SessionReport;
use crate::page::panels::plan::{keep_all, settle};
use crate::page::state::State;
use crate::saved::Saved;

/// Updates the page from a report.
pub fn on_report(state: State, report: SessionReport) {
    match report {
        SessionReport::Found(saved) => {
            // After a crash of the worker, the page itself still has everything.
            if state.cases.rows.read_untracked().is_empty() {
                state.session.found.set(Some(saved));
            }
        }
        // A new worker restored what the page still has in a newer version.
        SessionReport::Restored(_) if state.worker.replaying.get_untracked() => {}
        SessionReport::Restored(saved) => restored(state, *saved),
    }
}

/// A session was restored. Its cases, weights and segmentations came before this.
fn restored(state: State, saved: Saved) {
    state.cases.rows.update(|cases| {
        for case in cases {
            if let Some(role) = saved.roles.get(case.info.id()) {
                case.role = *role;
            }
        }
    });
    state.session.found.set(None);
    let all_by_hand = saved.config_touched;
    state.saved.set(Saved {
        // These are in the table now.
        roles: BTreeMap::new(),
        results: BTreeMap::new(),
        config_touched: false,
        ..saved
    });
    match all_by_hand {
        true => keep_all(state),
        false => settle(state),
    }
}
