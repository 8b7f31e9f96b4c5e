//! Saves the session: the page's state goes to the browser's storage shortly after it has changed. The worker saves
//! files there by itself, as they come in.

use std::time::Duration;

use js_sys::Date;
use leptos::prelude::*;

use crate::message::SessionRequest;
use crate::page::link::Link;
use crate::page::state::State;
use crate::saved::Saved;

/// Changes within this time are saved together.
const DELAY: Duration = Duration::from_millis(1500);

/// The state to save now.
pub fn saved(state: State) -> Saved {
    let cases = state.cases.rows.read_untracked();
    let roles = cases.iter().map(|case| (case.info.id().to_owned(), case.role));
    let results = cases.iter().filter_map(|case| {
        let result = case.result.done()?.clone();
        Some((case.info.id().to_owned(), result))
    });
    Saved {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        format: Saved::FORMAT,
        time: Date::now(),
        roles: roles.collect(),
        results: results.collect(),
        ..state.saved.get_untracked()
    }
}

/// Saves the session for as long as the page lives.
pub fn follow(state: State, link: Link) {
    let waiting = StoredValue::new(false);
    Effect::new(move |before: Option<bool>| {
        state.saved.track();
        let empty = state.cases.rows.read().is_empty();
        // An earlier session is kept until the user decides about it.
        if state.session.found.read().is_some() {
            return empty;
        }
        if empty && before == Some(false) {
            link.send(SessionRequest::Forget);
        } else if !empty && !waiting.get_value() {
            waiting.set_value(true);
            let keep = move || {
                waiting.set_value(false);
                link.send(SessionRequest::Remember(Box::new(saved(state))));
            };
            set_timeout(keep, DELAY);
        }
        empty
    });
}
