//! Dice on the held-out cases over the run, drawn as SVG: one curve per label, and their mean.

use std::fmt::Write;

use leptos::prelude::*;

use crate::page::address::testing;
use crate::page::format;
use crate::page::palette;
use crate::page::state::State;
use crate::saved::SavedStoreFields;
use crate::saved::Validation;

/// Size of the drawing, in its own units; the same width as the losses above it.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 120.0;
/// Space for numbers on the left and below, and margins on the other sides.
const LEFT: f64 = 34.0;
const BOTTOM: f64 = 20.0;
const AIR: f64 = 6.0;

/// The curves of the current run, or of the last one.
#[component]
pub fn DiceChart() -> impl IntoView {
    let state = expect_context::<State>();
    let last = move || state.saved.planned().get().max(2) as f64;
    let x = move |iteration: usize| LEFT + iteration as f64 / last() * (WIDTH - LEFT - AIR);
    let curve = move |value: &dyn Fn(&Validation) -> Option<f64>| {
        let mut path = String::new();
        for validation in state.saved.validations().read().iter() {
            if let Some(dice) = value(validation) {
                let pen = if path.is_empty() { 'M' } else { 'L' };
                // Writing to a string cannot fail.
                let _ = write!(path, "{pen}{:.1} {:.1}", x(validation.iteration), y(dice));
                if pen == 'M' {
                    // Makes the first point visible before there is a second.
                    path.push_str("h.1");
                }
            }
        }
        path
    };
    let labels = Memo::new(move |_| {
        let all = state.saved.validations().read();
        let last = all.last().map(|validation| validation.labels.clone());
        let ids = last.unwrap_or_default().into_iter().map(|label| label.id);
        ids.collect::<Vec<u16>>()
    });
    let of_label = move |id: u16| {
        let path = move || curve(&|one: &Validation| one.labels.iter().find(|label| label.id == id)?.dice);
        view! { <path class="curve" style:stroke=palette::css(place(state, id)) d=path /> }
    };
    let mean = move || curve(&|one: &Validation| Some(one.dice));
    view! {
        <figure
            id="dice"
            class="chart"
            data-validations=testing().then_some(move || state.saved.validations().read().len())
        >
            <svg
                viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                role="img"
                aria-label="Dice on held-out cases over the iterations of the run"
            >
                <g class="grid">{[0.0, 0.5, 1.0].map(line).collect_view()}</g>
                {move || labels.get().into_iter().map(of_label).collect_view()}
                <path class="curve total" d=mean />
            </svg>
            <figcaption>{move || caption(state)}</figcaption>
        </figure>
    }
}

fn y(dice: f64) -> f64 {
    HEIGHT - BOTTOM - dice * (HEIGHT - BOTTOM - AIR)
}

fn line(dice: f64) -> impl IntoView {
    view! {
        <line x1=LEFT x2=WIDTH - AIR y1=y(dice) y2=y(dice) />
        <text x=LEFT - 6.0 y=y(dice) + 3.5 text-anchor="end">
            {format!("{dice:.1}")}
        </text>
    }
}

/// A label's position in the legend.
fn place(state: State, id: u16) -> usize {
    let labels = state.labels.read();
    let place = labels.iter().position(|label| label.id == id);
    place.unwrap_or_default()
}

/// The newest figures.
fn caption(state: State) -> String {
    let all = state.saved.validations().read();
    let Some(Validation { dice, labels, .. }) = all.last() else {
        return String::new();
    };
    let best = all.iter().map(|one| one.dice).fold(0.0, f64::max);
    let labels = labels
        .iter()
        .map(|label| format!("{} {}", label.name, format::dice(label.dice)));
    format!(
        "Dice on held-out cases: mean {dice:.3}, best {best:.3} ({})",
        labels.collect::<Vec<_>>().join(", ")
    )
}
