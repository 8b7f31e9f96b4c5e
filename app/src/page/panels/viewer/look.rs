//! How the viewer draws: brightness, sides, outlines.

use leptos::prelude::*;

use super::store::Controls;
use crate::page::state::State;
use crate::page::viewer::{Layout, Window};

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
pub fn Look(controls: Controls) -> impl IntoView {
    view! {
        <details id="look">
            <summary>"View"</summary>
            <div>
                <LayoutChoice layout=controls.layout />
                <Brightness controls=controls />
                <Details controls=controls />
                <small>"Drag with the right button for brightness and contrast."</small>
            </div>
        </details>
    }
}

/// Which values are black and white: by a window for CT, or by hand.
#[component]
fn Brightness(controls: Controls) -> impl IntoView {
    let state = expect_context::<State>();
    let Controls { viewer, shown, .. } = controls;
    // A preset, which stays for other images.
    let window = RwSignal::new(None::<(f64, f64)>);
    // The window in effect, which the sliders show.
    let levels = RwSignal::new(None::<Window>);
    let look_up = move || levels.set(viewer.get_untracked().and_then(|viewer| viewer.window()));
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
    let slide = move |levels: Window| {
        if let Some(viewer) = viewer.get_untracked() {
            viewer.set_window(Some((levels.low, levels.high)));
        }
    };
    view! {
        <label>
            "Window, HU"
            <select id="window" on:change:target=move |event| choose(event.target().value())>
                <option value="">"from the image"</option>
                {WINDOWS.map(option).collect_view()}
            </select>
        </label>
        <Level
            id="window-low"
            label="Black from"
            levels=levels
            get=|levels| levels.low
            set=|levels, value| levels.low = value.min(levels.high)
            on_slide=slide
        />
        <Level
            id="window-high"
            label="White to"
            levels=levels
            get=|levels| levels.high
            set=|levels, value| levels.high = value.max(levels.low)
            on_slide=slide
        />
    }
}

/// A window in the list.
fn option((name, center, width): (&'static str, f64, f64)) -> impl IntoView {
    view! { <option value=name>{format!("{name} ({center:.0}, {width:.0})")}</option> }
}

/// A slider for one end of the window; `on_slide` is given the window that it leads to.
#[component]
fn Level(
    id: &'static str,
    label: &'static str,
    levels: RwSignal<Option<Window>>,
    get: fn(&Window) -> f64,
    set: fn(&mut Window, f64),
    on_slide: impl Fn(Window) + 'static,
) -> impl IntoView {
    let slide = move |value: f64| {
        levels.update(|levels| {
            if let Some(levels) = levels {
                set(levels, value);
                on_slide(*levels);
            }
        });
    };
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
                on:input:target=move |event| slide(event.target().value().parse().unwrap_or(0.0))
            />
        </label>
    }
}

/// Sides, outlines and voxels.
#[component]
fn Details(controls: Controls) -> impl IntoView {
    let radiological = RwSignal::new(false);
    let outline = RwSignal::new(false);
    let sharp = RwSignal::new(false);
    Effect::new(move |_| {
        let viewer = controls.viewer.get();
        if let Some(viewer) = viewer {
            viewer.set_look(radiological.get(), outline.get(), sharp.get());
        }
    });
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
        {switch("radiological", "Patient's right on the left (radiological)", radiological)}
        {switch("outline", "Outlines of labels", outline)}
        {switch("sharp", "Sharp voxels", sharp)}
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
