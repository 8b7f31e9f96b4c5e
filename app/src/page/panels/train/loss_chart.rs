//! The loss curve, drawn as SVG.

use std::fmt::Write;

use leptos::html::Figure;
use leptos::prelude::*;
use medcontext_core::loss::Terms;
use medcontext_core::train::Losses;

use crate::page::address::testing;
use crate::page::scroll::bring_into_view;
use crate::page::state::State;
use crate::saved::SavedStoreFields;

/// Size of the drawing, in its own units.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 180.0;
/// Space for numbers on the left and below, and margins on the other sides.
const LEFT: f64 = 34.0;
const BOTTOM: f64 = 20.0;
const AIR: f64 = 6.0;
/// At most this many lines above zero.
const LINES: f64 = 5.0;
/// Longer runs are averaged to this many points.
const POINTS: usize = 240;

/// One term of the loss: its place among them. Its name is its class in `app/styles/train.css` too.
#[derive(Clone, Copy)]
struct Series(usize);

impl Series {
    fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..Terms::NAMES.len()).map(Self)
    }

    fn name(self) -> &'static str {
        Terms::NAMES[self.0]
    }

    fn value(self, losses: &Losses) -> Option<f64> {
        let (_, value) = losses.named()[self.0];
        value
    }
}

/// Scales of the axes: iterations from 1 to `last`, losses from 0 to `top`.
#[derive(Clone, Copy, PartialEq)]
struct Scale {
    last: usize,
    top: f64,
    /// Distance between two lines of the grid.
    step: f64,
}

impl Scale {
    /// A scale that holds all losses, with round numbers.
    fn new(losses: &[Losses], iterations: usize) -> Self {
        let terms = losses
            .iter()
            .flat_map(|losses| losses.named())
            .filter_map(|(_, value)| value);
        let highest = terms.filter(|term| term.is_finite()).fold(1e-3, f64::max);
        let power = 10f64.powf((highest / LINES).log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .map(|round| round * power)
            .into_iter()
            .find(|step| step * LINES >= highest)
            .unwrap_or(highest);
        Self {
            last: iterations.max(losses.len()).max(2),
            top: (highest / step).ceil() * step,
            step,
        }
    }

    fn x(&self, iteration: f64) -> f64 {
        LEFT + (iteration - 1.0) / (self.last - 1) as f64 * (WIDTH - LEFT - AIR)
    }

    fn y(&self, loss: f64) -> f64 {
        HEIGHT - BOTTOM - loss / self.top * (HEIGHT - BOTTOM - AIR)
    }

    /// The curve of one term, averaged in equal runs of iterations.
    fn path(&self, losses: &[Losses], series: Series) -> String {
        let run = losses.len().div_ceil(POINTS).max(1);
        let mut path = String::new();
        for (index, chunk) in losses.chunks(run).enumerate() {
            let terms: Vec<f64> = chunk
                .iter()
                .filter_map(|losses| series.value(losses))
                .filter(|t| t.is_finite())
                .collect();
            if terms.is_empty() {
                continue;
            }
            let mean = terms.iter().sum::<f64>() / terms.len() as f64;
            let middle = (index * run) as f64 + (chunk.len() as f64 + 1.0) / 2.0;
            let pen = if path.is_empty() { 'M' } else { 'L' };
            // Writing to a string cannot fail.
            let _ = write!(path, "{pen}{:.1} {:.1}", self.x(middle), self.y(mean));
        }
        path
    }

    /// Heights of the grid's lines.
    fn lines(&self) -> Vec<f64> {
        let count = (self.top / self.step).round() as usize;
        (0..=count).map(|line| line as f64 * self.step).collect()
    }
}

/// The four curves of the current run, or of the last one.
#[component]
pub fn LossChart() -> impl IntoView {
    let state = expect_context::<State>();
    let scale = Memo::new(move |_| Scale::new(&state.saved.losses().read(), state.saved.planned().get()));
    let all = move |series: Series| {
        move || {
            let losses = state.saved.losses().read();
            let values = losses.iter().filter_map(|losses| series.value(losses));
            let texts: Vec<String> = values.map(|value| format!("{value:.6}")).collect();
            texts.join(",")
        }
    };
    let present = move |series: Series| {
        move || {
            state
                .saved
                .losses()
                .read()
                .last()
                .and_then(|losses| series.value(losses))
        }
    };
    let curve = move |series: Series| {
        let path = move || scale.get().path(&state.saved.losses().read(), series);
        view! { <path class=format!("curve {}", series.name()) d=path /> }
    };
    let entry = move |series: Series| {
        let value = present(series);
        view! {
            <li
                class=series.name()
                class:absent=move || value().is_none()
                data-losses=testing().then(|| all(series))
            >
                {series.name()}
                <b>{move || value().map(|value| format!("{value:.3}"))}</b>
            </li>
        }
    };
    let figure = NodeRef::<Figure>::new();
    figure.on_load(move |_| bring_into_view(figure));
    view! {
        <figure id="losses" class="chart" node_ref=figure>
            <svg
                viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                role="img"
                aria-label="Loss over the iterations of the run"
            >
                <Grid scale=scale />
                {Series::all().rev().map(curve).collect_view()}
            </svg>
            <figcaption>
                <ul>{Series::all().map(entry).collect_view()}</ul>
            </figcaption>
        </figure>
    }
}

/// Lines and numbers behind the curves.
#[component]
fn Grid(scale: Memo<Scale>) -> impl IntoView {
    let lines = move || {
        let scale = scale.get();
        let line = |loss: f64| {
            let y = scale.y(loss);
            let number = format!("{:.*}", if scale.step < 0.1 { 2 } else { 1 }, loss);
            view! {
                <line x1=LEFT x2=WIDTH - AIR y1=y y2=y />
                <text x=LEFT - 6.0 y=y + 3.5 text-anchor="end">
                    {number}
                </text>
            }
        };
        scale.lines().into_iter().map(line).collect_view()
    };
    let marks = move || {
        let scale = scale.get();
        let last = scale.last as f64;
        let mark = |(iteration, anchor): (f64, &'static str)| {
            view! {
                <text x=scale.x(iteration) y=HEIGHT - 5.0 text-anchor=anchor>
                    {format!("{iteration:.0}")}
                </text>
            }
        };
        let middle = ((last + 1.0) / 2.0).round();
        [(1.0, "start"), (middle, "middle"), (last, "end")]
            .map(mark)
            .collect_view()
    };
    view! { <g class="grid">{lines} {marks}</g> }
}
