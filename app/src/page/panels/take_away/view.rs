//! The export buttons.

use leptos::prelude::*;

use super::files::{TABLES, Table, not_saved, results, text};
use crate::message::ExportRequest;
use crate::page::files::save;
use crate::page::link::Link;
use crate::page::panels::measure::evaluation;
use crate::page::panels::session::saved;
use crate::page::state::State;
use crate::page::viewer::sentence;

/// The buttons.
#[component]
pub fn TakeAway() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let measured = Memo::new(move |_| evaluation(state).is_some());
    let something = move || !state.segment.files.read().is_empty();
    let table = move |(label, name, make): Table| {
        let take = move |_| {
            let Some(now) = untrack(|| evaluation(state)) else {
                return;
            };
            let taken = make(state, &now)
                .and_then(|content| text(&content))
                .and_then(|file| save(name, &file).map_err(sentence));
            if let Err(reason) = taken {
                state.say(not_saved(name, &reason));
            }
        };
        view! {
            <button class="save" data-table=name on:click=take>
                {label}
            </button>
        }
    };
    let pack = move |session: bool| match results(state) {
        Ok(files) => link.send(ExportRequest::Archive {
            files,
            session: session.then(|| Box::new(saved(state))),
        }),
        Err(sentence) => state.say(sentence),
    };
    view! {
        <div class="take-away">
            <button id="save-results" class="save" disabled=move || !something() on:click=move |_| pack(false)>
                "All results (.zip)"
            </button>
            <p>"Segmentations, tables, weights and settings, without the scans."</p>
        </div>
        <div class="take-away">
            <button
                id="save-session"
                class="save"
                disabled=move || state.cases.rows.read().is_empty()
                on:click=move |_| pack(true)
            >
                "Session (.zip)"
            </button>
            <p>"Everything, scans included: drop it here again to continue."</p>
        </div>
        <Show when=move || measured.get()>
            <div class="take-away tables">
                <p>"The measured cases as"</p>
                {TABLES.map(table).collect_view()}
            </div>
        </Show>
    }
}
