//! Files that were dropped and are not used, each with the reason.

use leptos::prelude::*;

use crate::message::{CasesRequest, Unused};
use crate::page::format;
use crate::page::link::Link;
use crate::page::state::State;

/// This many are shown at first; the others are a click away.
const SHOWN: usize = 10;

/// The list, if there is something to list.
#[component]
pub fn Leftovers() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let all = RwSignal::new(false);
    let number = Memo::new(move |_| state.cases.leftovers.read().len());
    let heading = move || {
        let number = number.get();
        let verb = if number == 1 { "is" } else { "are" };
        format!("{} {verb} not used", format::count(number, "file", "files"))
    };
    let line = |file: Unused| {
        view! { <li data-path=file.path.clone()>{format!("{}: {}", file.path, file.reason)}</li> }
    };
    let lines = move || {
        let shown = if all.get() { usize::MAX } else { SHOWN };
        let files = state.cases.leftovers.read();
        let files = files.iter().take(shown).cloned();
        files.map(line).collect_view()
    };
    let hidden = move || {
        let number = number.get();
        number.checked_sub(SHOWN).filter(|more| *more > 0 && !all.get())
    };
    let more = move || hidden().map(|more| format!("Show {more} more"));
    view! {
        <Show when=move || { number.get() > 0 }>
            <details class="leftovers" open>
                <summary>{heading}</summary>
                <ul id="leftovers" tabindex="0" aria-label="Files that are not used">
                    {lines}
                </ul>
                <Show when=move || hidden().is_some()>
                    <button id="all-leftovers" class="plain" on:click=move |_| all.set(true)>
                        {more}
                    </button>
                </Show>
                <Show when=move || state.cases.structures.get()>
                    <button
                        id="combine"
                        class="fix"
                        on:click=move |_| link.send(CasesRequest::CombineStructures)
                    >
                        "Combine structures into label maps"
                    </button>
                </Show>
                <button
                    id="discard-leftovers"
                    class="plain"
                    title="Take them off the page; the files themselves stay where they are"
                    on:click=move |_| {
                        all.set(false);
                        link.send(CasesRequest::Discard);
                    }
                >
                    "Forget them"
                </button>
            </details>
        </Show>
    }
}
