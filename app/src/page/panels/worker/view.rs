//! The compute device, and what went wrong.

use leptos::prelude::*;

use super::store::Engine;
use crate::message::{Device, DevicePreference};
use crate::page::format;
use crate::page::link::Link;
use crate::page::state::State;

/// The compute device, and the switch to another.
#[component]
pub fn DeviceChip() -> impl IntoView {
    let state = expect_context::<State>();
    let kind = move || match &*state.worker.engine.read() {
        Engine::Starting => "starting",
        Engine::Ready(Device::WebGpu { .. }) => "webgpu",
        Engine::Ready(Device::Cpu { .. }) => "cpu",
        Engine::Dead => "failed",
    };
    let text = move || match &*state.worker.engine.read() {
        Engine::Starting => "Starting the compute engine…".to_owned(),
        Engine::Ready(Device::WebGpu { name, .. }) => format!("WebGPU · {name}"),
        Engine::Ready(Device::Cpu { reason, threads }) => {
            let threads = format::threads(*threads);
            match reason {
                Some(reason) => format!("CPU, {threads}: slower, because {reason}"),
                None => format!("CPU, {threads}"),
            }
        }
        Engine::Dead => "The compute engine has stopped".to_owned(),
    };
    view! {
        <p id="device" class="chip" data-device=kind title="Where the numbers are computed">
            <span class="dot" aria-hidden="true"></span>
            {text}
        </p>
        <SwitchDevice />
    }
}

/// The other device, if there is a choice.
#[component]
fn SwitchDevice() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let other = Memo::new(move |_| match &*state.worker.engine.read() {
        Engine::Ready(Device::WebGpu { .. }) => Some(DevicePreference::Cpu),
        Engine::Ready(Device::Cpu { reason: None, .. }) => Some(DevicePreference::Gpu),
        _ => None,
    });
    let label = move || match other.get() {
        Some(DevicePreference::Cpu) => "Use the CPU",
        _ => "Use the GPU",
    };
    view! {
        <Show when=move || other.get().is_some()>
            <button
                id="switch-device"
                title="Files, weights and results stay"
                disabled=move || state.progress.work.read().busy()
                on:click=move |_| {
                    if let Some(device) = other.get_untracked() {
                        link.compute_on(device);
                    }
                }
            >
                {label}
            </button>
        </Show>
    }
}

/// What went wrong, one line each, until dismissed; and recovery when the worker has died.
#[component]
pub fn Messages() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let many = move || state.messages.read().len() > 2;
    let dismiss = move |key| state.messages.update(|all| all.retain(|message| message.key != key));
    view! {
        <section class="messages" aria-label="Messages">
            <ul id="messages" role="status">
                <For each=move || state.messages.get() key=|message| message.key let(message)>
                    <li data-kind="error">
                        <span>{message.text}</span>
                        <button
                            class="dismiss plain"
                            aria-label="Dismiss this message"
                            on:click=move |_| dismiss(message.key)
                            ></button>
                    </li>
                </For>
            </ul>
            <Show when=many>
                <button
                    id="dismiss-all"
                    class="plain"
                    on:click=move |_| state.messages.set(Vec::new())
                >
                    "Dismiss all"
                </button>
            </Show>
            <Show when=move || *state.worker.engine.read() == Engine::Dead>
                <button id="restart" class="primary" on:click=move |_| link.restart()>
                    "Restart the compute engine"
                </button>
            </Show>
        </section>
    }
}
