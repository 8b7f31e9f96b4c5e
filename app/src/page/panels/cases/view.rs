//! The cases: a place to drop files, and a table of the cases found.

use leptos::prelude::*;
use medcontext_core::dataset::Role;
use medcontext_core::duration;

use super::intake::Intake;
use super::labeled::LabeledSlices;
use super::leftovers::Leftovers;
use super::list::CaseList;
use super::pairing::Pairing;
use super::table::CaseTable;
use crate::message::CasesRequest;
use crate::page::link::Link;
use crate::page::state::State;

/// The panel.
#[component]
pub fn Cases() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let empty = move || state.cases.rows.read().is_empty();
    let tally = move || {
        if let Some(reading) = state.cases.reading.get() {
            let left = reading.remaining_seconds.map(duration::in_words);
            let left = left.map_or_else(String::new, |left| format!(", {left} left"));
            return format!("Reading case {} of {}{left}…", reading.done + 1, reading.total);
        }
        if empty() {
            return String::new();
        }
        let number = |role| state.cases.ids(|case| case.is_for(role)).len();
        let held_out = match number(Role::Validate) {
            0 => String::new(),
            number => format!("{number} held out, "),
        };
        let (training, others) = (number(Role::Train), number(Role::Predict));
        format!("{training} to train on, {held_out}{others} to segment")
    };
    view! {
        <section class="panel" aria-labelledby="cases-title">
            <div class="head">
                <h2 id="cases-title">"Cases"</h2>
                <p class="aside">{tally}</p>
                <Show when=move || state.cases.reading.read().is_some()>
                    <button
                        id="stop-reading"
                        title="Leaves out the cases that have not been read yet"
                        on:click=move |_| link.send(CasesRequest::StopReading)
                    >
                        "Stop reading"
                    </button>
                </Show>
            </div>
            <Intake />
            <Leftovers />
            <CaseList />
            <Show when=move || !empty()>
                <CaseTable />
                <LabeledSlices />
                <Pairing />
            </Show>
        </section>
    }
}
