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
            <Show when=move || measured.get()>{TABLES.map(table).collect_view()}</Show>
            <Show when=something>
                <button
                    id="save-results"
                    class="save"
                    title="Segmentations, tables, weights and settings, without the scans"
                    on:click=move |_| pack(false)
                >
                    "All results (.zip)"
                </button>
            </Show>
            <Show when=move || !state.cases.rows.read().is_empty()>
                <button
                    id="save-session"
                    class="save"
                    title="Everything, scans included: drop it here again to continue"
                    on:click=move |_| pack(true)
                >
                    "Session (.zip)"
                </button>
            </Show>
        </div>
    }
}
