//! Whether a run is feasible here: its memory, and its time once a few steps have been timed.

use leptos::prelude::*;
use medcontext_core::duration;

use crate::message::{Device, TrainingRequest};
use crate::page::format;
use crate::page::link::Link;
use crate::page::panels::plan::{as_trained, change, smaller};
use crate::page::panels::progress::{Task, Work};
use crate::page::panels::worker::Engine;
use crate::page::state::State;
use crate::saved::SavedStoreFields;

/// The verdict.
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

/// Memory in GiB above which a run may fail, and above which it will hardly work. Browsers do not tell how much a GPU
/// has: integrated ones share a few GiB, and a tab's own memory is limited to 4.
const GPU_GIB: (f64, f64) = (3.0, 10.0);
const CPU_GIB: (f64, f64) = (2.0, 3.5);

/// Hours above which a run is long, and above which it is too long to wait for.
const HOURS: (f64, f64) = (1.0, 8.0);

/// A light, what it means, and what to do about it.
#[component]
pub fn Estimate(cases: Memo<Vec<String>>, ready: Signal<bool>) -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let light = Memo::new(move |_| memory(state).0.max(time(state).0));
    let text = move || format!("{} {}", memory(state).1, time(state).1);
    let rehearse = move |_| {
        state.progress.work.set(Work {
            text: "Measuring how long a step takes".to_owned(),
            ..Work::begin(Task::Rehearse)
        });
        link.send(TrainingRequest::Rehearse {
            config: Box::new(state.saved.config().get()),
            cases: cases.get(),
        });
    };
    let smaller = move || smaller(&state.worker.engine.read(), &state.saved.config().read());
    let shrink = move |_| {
        if let Some(less) = untrack(smaller) {
            change(state, &["batch_size", "backbone", "size", "patch"], |config| {
                *config = less
            });
        }
    };
    view! {
        <div id="estimate" data-light=move || light.get().name()>
            <i aria-hidden="true"></i>
            <p>{text}</p>
            <button
                id="rehearse"
                title="Takes a few steps of such a run and keeps nothing of them"
                disabled=move || !ready.get() || cases.read().is_empty()
                on:click=rehearse
            >
                "Time a few steps"
            </button>
            <Show when=move || light.get() != Light::Green && smaller().is_some()>
                <button id="smaller" disabled=move || state.progress.work.read().busy() on:click=shrink>
                    "Make it smaller"
                </button>
            </Show>
        </div>
    }
}

/// The verdict about memory.
fn memory(state: State) -> (Light, String) {
    let config = state.saved.config().read();
    let engine = state.worker.engine.read();
    let trained = as_trained(&engine, &config);
    let ((amber, red), place) = match &*engine {
        // Threads that share the patches of a step have a memory each.
        Engine::Ready(Device::Cpu { .. }) if trained.accumulation > 1 => (CPU_GIB, " in each thread"),
        Engine::Ready(Device::Cpu { .. }) => (CPU_GIB, ""),
        _ => (GPU_GIB, ""),
    };
    let gib = trained.training_bytes() as f64 / GIB;
    let light = Light::of(gib, amber, red);
    let largest = trained.largest_tensor_bytes();
    if let Engine::Ready(Device::WebGpu { largest_tensor, .. }) = &*engine
        && largest > *largest_tensor
    {
        let text = format!(
            "About {gib:.1} GiB of memory, {} MiB of it in one piece: this GPU gives {} at most.",
            largest >> 20,
            largest_tensor >> 20
        );
        return (Light::Red, text);
    }
    let text = match light {
        Light::Green => "",
        Light::Amber => ", which not every machine has",
        Light::Red => ", more than this page is likely to get",
    };
    (light, format!("About {gib:.1} GiB of memory{place}{text}."))
}

/// The verdict about time, if steps with these settings were timed.
fn time(state: State) -> (Light, String) {
    let (config, pace) = (state.saved.config().read(), state.train.pace.read());
    let Some(pace) = pace.as_ref().filter(|pace| pace.holds_for(&config)) else {
        let text = "How long it takes is not measured yet.";
        return (Light::Green, text.to_owned());
    };
    let seconds = pace.times.first_seconds + pace.times.step_seconds * config.all_iterations() as f64;
    let text = format!(
        "{} an iteration, the first {}: about {} in all.",
        format::duration_fine(pace.times.step_seconds),
        format::duration_fine(pace.times.first_seconds),
        duration::in_words(seconds)
    );
    (Light::of(seconds / 3600.0, HOURS.0, HOURS.1), text)
}
