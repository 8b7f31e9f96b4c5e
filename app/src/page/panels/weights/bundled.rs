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
    let take = move |name: &str| add(state, link, &all.read_untracked(), name);
    do_as_asked(state, link, all);
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
                        take(&event.target().value());
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

/// Does once what the page's address asks for, when there is someone to do it; an earlier session comes first.
fn do_as_asked(state: State, link: Link, all: RwSignal<Vec<BundledModel>>) {
    let ready = move || state.worker.is_ready() && state.session.found.read().is_none();
    once(
        move || ready() && !all.read().is_empty(),
        move || {
            if let Some(name) = asked("model") {
                add(state, link, &all.read_untracked(), &name);
            }
        },
    );
    once(ready, move || {
        if asked("sample").is_some() {
            link.send(CasesRequest::AddSamples);
        }
    });
}

/// Fetches the weights of this name, if they come with the page, and hands them to the worker.
fn add(state: State, link: Link, all: &[BundledModel], name: &str) {
    let Some(model) = all.iter().find(|model| model.name == name).cloned() else {
        return;
    };
    spawn_local(async move {
        match registry::upload(&model).await {
            Ok(upload) => link.send(CasesRequest::Add(vec![upload])),
            Err(_) => state.say(format!(
                "The weights for {} could not be fetched; check the network and try again.",
                model.title
            )),
        }
    });
}

/// Acts the first time that something is so, and never again.
fn once(is_so: impl Fn() -> bool + 'static, act: impl Fn() + 'static) {
    Effect::new(move |done: Option<bool>| {
        let done = done == Some(true);
        let now = !done && is_so();
        if now {
            act();
        }
        now || done
    });
}
