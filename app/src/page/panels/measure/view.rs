//! Quality of the segmentations of labeled cases.

use leptos::html::Table;
use leptos::prelude::*;
use medcontext_core::metric::{self, Evaluation, Means, Protocol, Statistic};

use super::evaluation::{evaluation, seen};
use crate::page::format;
use crate::page::scroll::bring_into_view;
use crate::page::state::State;
use crate::saved::SavedStoreFields;

/// What the table shows.
const FIRST: [metric::Measure; 3] = [
    metric::Measure::Dice,
    metric::Measure::Hd95Mm,
    metric::Measure::SurfaceDice,
];

/// What it shows besides if asked.
const FURTHER: [metric::Measure; 3] = [
    metric::Measure::Iou,
    metric::Measure::Precision,
    metric::Measure::Recall,
];

/// What it shows of the previous weights.
const COMPARED: [metric::Measure; 2] = [metric::Measure::Dice, metric::Measure::Hd95Mm];

/// The table of means, beside those of the previous weights.
#[component]
pub fn Measure() -> impl IntoView {
    let state = expect_context::<State>();
    let measured = Memo::new(move |_| evaluation(state));
    let table = NodeRef::<Table>::new();
    Effect::new(move |before: Option<usize>| {
        let now = measured.read().as_ref().map_or(0, |now| now.cases.len());
        if before.is_some_and(|before| now > before) {
            bring_into_view(table);
        }
        now
    });
    let all = RwSignal::new(false);
    let rows = move || {
        let (now, before) = (measured.get(), state.saved.before().get());
        now.map(|now| rows(&now, before.as_ref(), all.get()))
    };
    let titles = |measures: &[metric::Measure], suffix: &'static str| {
        let titles = measures
            .iter()
            .map(|measure| measure.title(Protocol::default()) + suffix);
        titles
            .map(|title| view! { <th scope="col">{title}</th> })
            .collect_view()
    };
    let compared = move || {
        state
            .saved
            .before()
            .read()
            .is_some()
            .then(|| titles(&COMPARED, " before"))
    };
    let further = move || all.get().then(|| titles(&FURTHER, ""));
    let caption = move || measured.read().as_ref().map(|now| scope(state, now));
    view! {
        <Show when=move || measured.read().is_some() fallback=nothing>
            <div class="measured" role="region" aria-label="Measures" tabindex="0">
                <table id="measure" node_ref=table>
                    <caption>{caption}</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Label"</th>
                            {titles(&FIRST, "")}
                            {further}
                            {compared}
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            <label class="all-measures">
                <input
                    id="all-measures"
                    type="checkbox"
                    prop:checked=move || all.get()
                    on:change:target=move |event| all.set(event.target().checked())
                />
                "Show IoU, precision and recall"
            </label>
        </Show>
    }
}

/// What there is before anything was measured.
fn nothing() -> impl IntoView {
    view! { <p class="aside">"Dice and distances of every segmented case that has labels of its own appear here."</p> }
}

/// What was measured.
fn scope(state: State, now: &Evaluation) -> String {
    let number = now.cases.len();
    let seen: Vec<Option<bool>> = now
        .cases
        .iter()
        .map(|score| state.cases.find(&score.case).as_ref().and_then(seen))
        .collect();
    let spread = if number > 1 { ", mean ± standard deviation" } else { "" };
    let cases = format::count(number, "case", "cases");
    let (one, them) = if number == 1 { ("was", "it") } else { ("were", "them") };
    // Seen cases are only included if all were seen.
    if seen.contains(&Some(true)) {
        format!("Measured on {cases} that {one} trained on{spread}: new ones will be worse")
    } else if seen.contains(&None) {
        format!("Measured on {cases}{spread}; the weights do not say whether they were trained on {them}")
    } else {
        format!("Measured on {cases} that {one} not trained on{spread}")
    }
}

/// A row for every label, and one for the mean.
fn rows(now: &Evaluation, before: Option<&Evaluation>, all: bool) -> impl IntoView + use<> {
    let cell = |class: String, value: Option<Statistic>, decimals: usize| {
        let text = value.map_or_else(|| "–".to_owned(), |value| value.text(decimals));
        view! { <td class=class>{text}</td> }
    };
    let row = |key: String, name: String, means: Means, old: Option<Means>| {
        let further = FURTHER.iter().filter(|_| all);
        let shown = FIRST.iter().chain(further);
        let shown = shown.map(|&measure| cell(class(measure).to_owned(), measure.mean(&means), decimals(measure)));
        let compared = COMPARED.iter().filter(|_| before.is_some()).map(|&measure| {
            let value = old.and_then(|old| measure.mean(&old));
            cell(format!("{}-before", class(measure)), value, decimals(measure))
        });
        let cells = shown.chain(compared).collect_view();
        view! {
            <tr data-label=key>
                <th scope="row">{name}</th>
                {cells}
            </tr>
        }
    };
    let of_label = |id: u16| {
        let labels = before?.labels.iter();
        let old = labels.clone().find(|label| label.label == id)?;
        Some(old.means)
    };
    let labels = now.labels.iter().map(|label| {
        let old = of_label(label.label);
        row(label.label.to_string(), label.name.clone(), label.means, old)
    });
    let mean = row(
        "mean".to_owned(),
        "mean".to_owned(),
        now.mean,
        before.map(|old| old.mean),
    );
    labels.chain([mean]).collect_view()
}

/// The class of a measure's cells.
fn class(measure: metric::Measure) -> &'static str {
    match measure {
        metric::Measure::Dice => "dice",
        metric::Measure::Hd95Mm => "hd95",
        metric::Measure::Hd95Voxels => "hd95-voxels",
        metric::Measure::SurfaceDice => "surface-dice",
        metric::Measure::Iou => "iou",
        metric::Measure::Precision => "precision",
        metric::Measure::Recall => "recall",
    }
}

/// Decimals on the screen, where the files have more.
fn decimals(measure: metric::Measure) -> usize {
    measure.decimals().min(3)
}
