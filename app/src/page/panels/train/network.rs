//! The network and the patch size.

use std::str::FromStr;

use leptos::prelude::*;
use medcontext_core::backbone::{Backbone, Size};
use medcontext_core::train::NetworkChoice as Choice;

use super::settings::whole;
use crate::page::format;
use crate::page::panels::plan::change;
use crate::page::state::State;
use crate::saved::SavedStoreFields;

/// The backbone and its size.
#[component]
pub fn NetworkChoice() -> impl IntoView {
    let state = expect_context::<State>();
    // The last network's patch may not fit this one.
    let choose = move |setting: &str, choose: &dyn Fn(&Choice) -> Choice| {
        change(state, &[setting], |config| {
            config.network = choose(&config.network);
            config.fit_patch();
        });
    };
    let backbone = move |value: String| {
        if let Ok(backbone) = Backbone::from_str(&value) {
            choose("backbone", &|network| network.with_backbone(backbone));
        }
    };
    let size = move |value: String| {
        if let Ok(size) = Size::from_str(&value) {
            choose("size", &|network| network.with_size(size));
        }
    };
    let option = |name: &'static str, title: &'static str| view! { <option value=name>{title}</option> };
    view! {
        <label>
            "Network"
            <select
                id="backbone"
                prop:value=move || state.saved.config().read().network.backbone().to_string()
                on:change:target=move |event| backbone(event.target().value())
            >
                {Backbone::ALL.map(|one| option(one.name(), one.title())).collect_view()}
            </select>
        </label>
        <label>
            "Size"
            <select
                id="size"
                prop:value=move || state.saved.config().read().network.size().to_string()
                on:change:target=move |event| size(event.target().value())
            >
                {Size::ALL.map(|one| option(one.name(), one.name())).collect_view()}
            </select>
        </label>
    }
}

/// The cost of the chosen network.
#[component]
pub fn NetworkCost() -> impl IntoView {
    let state = expect_context::<State>();
    view! { <p id="network-cost">{move || format::cost(&state.saved.config().read())}</p> }
}

/// The patch size's three sides, in steps that the network accepts.
#[component]
pub fn Patch() -> impl IntoView {
    let state = expect_context::<State>();
    let rule = Memo::new(move |_| state.saved.config().read().resolved_network().patch_rule());
    let side = move |axis: usize, name: &'static str| {
        let set = move |text: String| {
            let value = text.parse().unwrap_or(0.0);
            change(state, &["patch"], |config| config.patch[axis] = whole(value));
        };
        view! {
            <input
                id=format!("patch-{name}")
                type="number"
                aria-label=format!("Patch {name} in voxels")
                min=move || rule.get().smallest[axis]
                step=move || rule.get().step[axis]
                prop:value=move || state.saved.config().read().patch[axis].to_string()
                on:change:target=move |event| set(event.target().value())
            />
        }
    };
    view! {
        <div class="patch" role="group" aria-labelledby="patch-title">
            <span id="patch-title">"Patch in voxels (D × H × W)"</span>
            <span class="sides">
                {side(0, "depth")} <span aria-hidden="true">"×"</span> {side(1, "height")}
                <span aria-hidden="true">"×"</span> {side(2, "width")}
            </span>
        </div>
    }
}
