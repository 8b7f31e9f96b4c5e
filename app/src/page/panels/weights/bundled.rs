//! The choice of weights that come with the page.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::registry::{self, BundledModel};
use crate::message::CasesRequest;
use crate::page::address::asked;
use crate::page::link::Link;
use crate::page::state::State;

/// A list to choose from, if there is one.
#[component]
pub fn Bundled() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let all = RwSignal::new(Vec::<BundledModel>::new());
    spawn_local(async move {
        match registry::list().await {
            Ok(list) => all.set(list),
            Err(reason) => state.say(format!(
                "The list of weights that come with the page cannot be read ({reason})."
            )),
        }
    });
    let take = move |name: String| {
        let model = all.read_untracked().iter().find(|model| model.name == name).cloned();
        let Some(model) = model else { return };
        spawn_local(async move {
            match registry::upload(&model).await {
                Ok(upload) => link.send(CasesRequest::Add(vec![upload])),
                Err(_) => state.say(format!(
                    "The weights for {} could not be fetched; check the network and try again.",
                    model.title
                )),
            }
        });
    };
    // The address's request is handled once, when the worker is ready; an earlier session comes first.
    let ready = move || state.worker.is_ready() && state.session.found.read().is_none();
    Effect::new(move |done: Option<bool>| {
        let now = done != Some(true) && ready() && !all.read().is_empty();
        now.then(|| asked("model").map(take));
        now || done == Some(true)
    });
    Effect::new(move |done: Option<bool>| {
        let now = done != Some(true) && ready();
        now.then(|| asked("sample").map(|_| link.send(CasesRequest::AddSamples)));
        now || done == Some(true)
    });
    let about = move || {
        let weights = state.weights.info.read();
        let sha256 = weights.as_ref().map(|info| info.sha256.clone())?;
        let all = all.read();
        all.iter()
            .find(|model| model.sha256 == sha256)
            .map(|model| model.about.clone())
    };
    let option = |model: BundledModel| view! { <option value=model.name>{model.title}</option> };
    view! {
        <Show when=move || !all.read().is_empty()>
            <div class="models">
                <select
                    id="models"
                    aria-label="Weights that come with the page"
                    disabled=move || state.progress.work.read().busy()
                    on:change:target=move |event| {
                        take(event.target().value());
                        event.target().set_value("");
                    }
                >
                    <option value="">"Weights that come with the page…"</option>
                    {move || all.get().into_iter().map(option).collect_view()}
                </select>
                <p>{about}</p>
            </div>
        </Show>
    }
}
