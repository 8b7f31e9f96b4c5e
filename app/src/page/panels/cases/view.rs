//! The cases: a place to drop files, and a table of the cases found.

use leptos::prelude::*;
use medcontext_core::dataset::Role;

use super::intake::Intake;
use super::labeled::LabeledSlices;
use super::leftovers::Leftovers;
use super::list::CaseList;
use super::pairing::Pairing;
use super::table::CaseTable;
use crate::page::state::State;

/// The panel.
#[component]
pub fn Cases() -> impl IntoView {
    let state = expect_context::<State>();
    let empty = move || state.cases.rows.read().is_empty();
    let tally = move || {
        if let Some((done, total)) = state.cases.reading.get() {
            return format!("Reading case {} of {total}…", done + 1);
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
