//! How the viewer draws: brightness, sides, outlines.

use std::rc::Rc;

use leptos::prelude::*;

use crate::page::state::State;
use crate::page::viewer::{Layout, Viewer, Window};

/// Windows for CT: name, center and width in HU.
const WINDOWS: [(&str, f64, f64); 5] = [
    ("soft tissue", 40.0, 400.0),
    ("liver", 60.0, 160.0),
    ("lung", -600.0, 1500.0),
    ("bone", 400.0, 1800.0),
    ("brain", 40.0, 80.0),
];

/// The choices, collapsed.
#[component]
pub fn Look(
    viewer: RwSignal<Option<Rc<Viewer>>, LocalStorage>,
    layout: RwSignal<Layout>,
    shown: RwSignal<Option<String>>,
) -> impl IntoView {
    let state = expect_context::<State>();
    // A preset, which also applies to other images.
    let window = RwSignal::new(None::<(f64, f64)>);
    // The window in effect, which the sliders show.
    let levels = RwSignal::new(None::<Window>);
    let look_up = move || levels.set(viewer.get_untracked().and_then(|viewer| viewer.window()));
    let radiological = RwSignal::new(false);
    let outline = RwSignal::new(false);
    let sharp = RwSignal::new(false);
    Effect::new(move |_| {
        let viewer = viewer.get();
        if let Some(viewer) = viewer {
            viewer.set_look(radiological.get(), outline.get(), sharp.get());
        }
    });
    Effect::new(move |_| {
        let viewer = viewer.get();
        // A new image comes with its own window.
        state.viewer.picture.track();
        shown.track();
        if let (Some(viewer), Some((center, width))) = (viewer, window.get()) {
            viewer.set_window(Some((center - width / 2.0, center + width / 2.0)));
        }
        look_up();
    });
    let slide = move |change: fn(&mut Window, f64), value: f64| {
        levels.update(|levels| {
            if let Some(levels) = levels {
                change(levels, value);
                if let Some(viewer) = viewer.get_untracked() {
                    viewer.set_window(Some((levels.low, levels.high)));
                }
            }
        });
    };
    let slider = move |id: &'static str, label: &'static str, get: fn(&Window) -> f64, change| {
        view! {
            <label>
                {label}
                <input
                    id=id
                    type="range"
                    step="any"
                    min=move || levels.get().map(|levels| levels.least)
                    max=move || levels.get().map(|levels| levels.most)
                    prop:value=move || levels.get().map(|levels| get(&levels).to_string())
                    on:input:target=move |event| {
                        slide(change, event.target().value().parse().unwrap_or(0.0));
                    }
                />
            </label>
        }
    };
    let choose = move |name: String| {
        let chosen = WINDOWS.iter().find(|(known, ..)| *known == name);
        window.set(chosen.map(|(_, center, width)| (*center, *width)));
        if chosen.is_none()
            && let Some(viewer) = viewer.get()
        {
            viewer.set_window(None);
            look_up();
        }
    };
    let option = |(name, center, width): (&'static str, f64, f64)| {
        view! { <option value=name>{format!("{name} ({center:.0}, {width:.0})")}</option> }
    };
    let switch = |id: &'static str, label: &'static str, on: RwSignal<bool>| {
        view! {
            <label>
                <input
                    id=id
                    type="checkbox"
                    prop:checked=move || on.get()
                    on:change:target=move |event| on.set(event.target().checked())
                />
                {label}
            </label>
        }
    };
    view! {
        <details id="look">
            <summary>"View"</summary>
            <div>
                <LayoutChoice layout=layout />
                <label>
                    "Window, HU"
                    <select id="window" on:change:target=move |event| choose(event.target().value())>
                        <option value="">"from the image"</option>
                        {WINDOWS.map(option).collect_view()}
                    </select>
                </label>
                {slider(
                    "window-low",
                    "Black from",
                    |levels| levels.low,
                    |levels, value| levels.low = value.min(levels.high),
                )}
                {slider(
                    "window-high",
                    "White to",
                    |levels| levels.high,
                    |levels, value| levels.high = value.max(levels.low),
                )}
                {switch("radiological", "Patient's right on the left (radiological)", radiological)}
                {switch("outline", "Outlines of labels", outline)}
                {switch("sharp", "Sharp voxels", sharp)}
                <small>"Drag with the right button for brightness and contrast."</small>
            </div>
        </details>
    }
}

/// Slices, rendering, or both.
#[component]
fn LayoutChoice(layout: RwSignal<Layout>) -> impl IntoView {
    let button = move |id: &'static str, text: &'static str, choice: Layout| {
        view! {
            <button
                id=id
                aria-pressed=move || (layout.get() == choice).to_string()
                on:click=move |_| layout.set(choice)
            >
                {text}
            </button>
        }
    };
    view! {
        <div class="segmented" role="group" aria-label="Layout">
            {button("slices", "Slices", Layout::Slices)}
            {button("multiplanar", "Slices + 3D", Layout::Both)}
            {button("render", "3D", Layout::Rendering)}
        </div>
    }
}
