//! An earlier session, found in the browser's storage.

use js_sys::Date;
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use crate::message::SessionRequest;
use crate::page::format;
use crate::page::link::Link;
use crate::page::state::State;
use crate::saved::Saved;

/// Offers to restore it.
#[component]
pub fn Welcome() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let text = move || state.session.found.read().as_deref().map(describe);
    let ready = move || state.worker.is_ready();
    let forget = move |_| {
        state.session.found.set(None);
        link.send(SessionRequest::Forget);
    };
    view! {
        <Show when=move || state.session.found.read().is_some()>
            <section id="welcome" class="panel" aria-label="Earlier session">
                <p>{text}</p>
                <button
                    id="restore"
                    class="primary"
                    disabled=move || !ready()
                    on:click=move |_| link.send(SessionRequest::Restore)
                >
                    "Bring it back"
                </button>
                <button id="forget" on:click=forget>
                    "Forget it"
                </button>
            </section>
        </Show>
    }
}

/// When it was and what it holds.
fn describe(saved: &Saved) -> String {
    let date = Date::new(&JsValue::from_f64(saved.time));
    let date = String::from(date.to_locale_string("default", &JsValue::UNDEFINED));
    let cases = format::count(saved.roles.len(), "case", "cases");
    let training = saved.unfinished.as_ref().map(|run| {
        let (done, all) = (run.iteration, run.iterations);
        format!(", training stopped at iteration {done} of {all}")
    });
    format!(
        "This browser keeps a session of {date}: {cases}, {} segmented{}.",
        saved.results.len(),
        training.unwrap_or_default()
    )
}
