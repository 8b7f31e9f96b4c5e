//! Whether a run will work here: its memory, and its time once a few steps were measured.

use leptos::prelude::*;

use super::train::change;
use crate::message::{Device, TrainingRequest};
use crate::page::link::Link;
use crate::page::state::{Engine, State, Task, Work};
use crate::page::words;

/// How good the prospects are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Light {
    Green,
    Amber,
    Red,
}

impl Light {
    fn of(value: f64, amber: f64, red: f64) -> Self {
        match value {
            v if v >= red => Self::Red,
            v if v >= amber => Self::Amber,
            _ => Self::Green,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Amber => "amber",
            Self::Red => "red",
        }
    }
}

const GIB: f64 = (1u64 << 30) as f64;

/// Memory in GiB from which a run may fail, and from which it hardly works. Browsers do not tell how much a GPU
/// has: integrated ones share a few GiB, and a tab's own memory ends at 4.
const GPU_GIB: (f64, f64) = (3.0, 10.0);
const CPU_GIB: (f64, f64) = (2.0, 3.5);

/// Hours from which a run is long, and from which it is too long to sit by.
const HOURS: (f64, f64) = (1.0, 8.0);

/// A light, what it means, and what to do about it.
#[component]
pub fn Estimate(cases: Memo<Vec<String>>, ready: Signal<bool>) -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let light = Memo::new(move |_| memory(state).0.max(time(state).0));
    let words = move || format!("{} {}", memory(state).1, time(state).1);
    let rehearse = move |_| {
        state.work.set(Work {
            words: "Measuring how long a step takes".to_owned(),
            ..Work::begin(Task::Rehearse)
        });
        link.send(TrainingRequest::Rehearse {
            config: Box::new(state.config.get()),
            cases: cases.get(),
        });
    };
    let smaller = move || state.config.read().smaller();
    let shrink = move |_| {
        if let Some(less) = untrack(smaller) {
            change(state, |config| *config = less);
        }
    };
    view! {
        <div id="estimate" data-light=move || light.get().name()>
            <i aria-hidden="true"></i>
            <p>{words}</p>
            <button
                id="rehearse"
                title="Takes a few steps of such a run and keeps nothing of them"
                disabled=move || !ready.get() || cases.read().is_empty()
                on:click=rehearse
            >
                "Measure"
            </button>
            <Show when=move || light.get() != Light::Green && smaller().is_some()>
                <button id="smaller" disabled=move || state.work.read().busy() on:click=shrink>
                    "Make it smaller"
                </button>
            </Show>
        </div>
    }
}

/// What memory says.
fn memory(state: State) -> (Light, String) {
    let gib = state.config.read().training_bytes() as f64 / GIB;
    let (amber, red) = match &*state.engine.read() {
        Engine::Ready(Device::Cpu { .. }) => CPU_GIB,
        _ => GPU_GIB,
    };
    let light = Light::of(gib, amber, red);
    let largest = state.config.read().largest_tensor_bytes();
    if let Engine::Ready(Device::WebGpu { largest_tensor, .. }) = &*state.engine.read()
        && largest > *largest_tensor
    {
        let words = format!(
            "About {gib:.1} GiB of memory, {} MiB of it in one piece: this GPU gives {} at most.",
            largest >> 20,
            largest_tensor >> 20
        );
        return (Light::Red, words);
    }
    let words = match light {
        Light::Green => "",
        Light::Amber => ", which not every machine has",
        Light::Red => ", more than this page is likely to get",
    };
    (light, format!("About {gib:.1} GiB of memory{words}."))
}

/// What time says, if steps with these settings were measured.
fn time(state: State) -> (Light, String) {
    let (config, pace) = (state.config.read(), state.pace.read());
    // The number of steps does not change how long one takes.
    let same = |pace: &&crate::page::state::Pace| {
        let (a, b) = (&pace.config, &*config);
        (
            a.backbone,
            a.size,
            a.patch,
            a.batch_size,
            a.medcontext.enabled,
        ) == (
            b.backbone,
            b.size,
            b.patch,
            b.batch_size,
            b.medcontext.enabled,
        )
    };
    let Some(pace) = pace.as_ref().filter(same) else {
        let words = "How long it takes is not measured yet.";
        return (Light::Green, words.to_owned());
    };
    let seconds = pace.first_seconds + pace.step_seconds * config.iterations as f64;
    let words = format!(
        "{} an iteration, the first {}: about {} in all.",
        words::duration_fine(pace.step_seconds),
        words::duration_fine(pace.first_seconds),
        words::duration(seconds)
    );
    (Light::of(seconds / 3600.0, HOURS.0, HOURS.1), words)
}
