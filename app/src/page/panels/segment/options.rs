//! How cases are segmented: the settings of the weights, but for what is switched here.

use leptos::prelude::*;
use medcontext_core::infer::{Inference, InferenceOverrides};

use crate::page::state::State;

/// The settings in effect, and what was chosen of them.
#[derive(Clone, Copy)]
pub struct Options {
    chosen: RwSignal<InferenceOverrides>,
    /// The settings in effect.
    pub inference: Memo<Inference>,
}

impl Options {
    /// Those of the weights.
    pub fn new(state: State) -> Self {
        let chosen = RwSignal::new(InferenceOverrides::default());
        let stored = move || state.weights.info.read().as_ref()?.metadata.inference;
        Self {
            chosen,
            inference: Memo::new(move |_| chosen.get().over(stored())),
        }
    }
}

/// The switches.
#[component]
pub fn Switches(options: Options) -> impl IntoView {
    let Options { chosen, inference } = options;
    let post_processing = move || inference.read().post_processing;
    view! {
        <div class="options">
            <Switch
                id="mirror"
                text="Average over mirror images (up to eight times as long, often a little better)"
                checked=Signal::derive(move || inference.read().mirror)
                set=move |on| chosen.update(|chosen| chosen.mirror = Some(on))
            />
            <Switch
                id="largest-component"
                text="Keep only the largest piece of each label"
                checked=Signal::derive(move || post_processing().largest_component)
                set=move |on| chosen.update(|chosen| chosen.largest_component = Some(on))
            />
            <Switch
                id="fill-holes"
                text="Fill holes"
                checked=Signal::derive(move || post_processing().fill_holes)
                set=move |on| chosen.update(|chosen| chosen.fill_holes = Some(on))
            />
            <label>
                "Remove pieces below "
                <input
                    id="smallest-ml"
                    type="number"
                    min="0"
                    step="any"
                    prop:value=move || post_processing().smallest_ml.to_string()
                    on:change:target=move |event| {
                        let smallest = event.target().value().parse().unwrap_or(0.0);
                        chosen.update(|chosen| chosen.smallest_ml = Some(f64::max(smallest, 0.0)));
                    }
                />
                " mL"
            </label>
        </div>
    }
}

/// One of them.
#[component]
fn Switch(id: &'static str, text: &'static str, checked: Signal<bool>, set: impl Fn(bool) + 'static) -> impl IntoView {
    view! {
        <label>
            <input
                id=id
                type="checkbox"
                prop:checked=move || checked.get()
                on:change:target=move |event| set(event.target().checked())
            />
            {text}
        </label>
    }
}
