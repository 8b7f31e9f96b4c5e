//! Quality of the segmentations of labeled cases.

use leptos::html::Table;
use leptos::prelude::*;
use medcontext_core::metric::{Evaluation, Means, Statistic};

use super::evaluation::{evaluation, seen};
use crate::page::format;
use crate::page::scroll::bring_into_view;
use crate::page::state::State;
use crate::saved::SavedStoreFields;

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
    let rows = move || {
        let (now, before) = (measured.get(), state.saved.before().get());
        now.map(|now| rows(&now, before.as_ref()))
    };
    let head = move || {
        state.saved.before().read().is_some().then(|| {
            view! {
                <th scope="col">"Dice before"</th>
                <th scope="col">"HD95 before"</th>
            }
        })
    };
    let caption = move || measured.read().as_ref().map(|now| scope(state, now));
    view! {
        <Show when=move || measured.read().is_some()>
            <table id="measure" node_ref=table>
                <caption>{caption}</caption>
                <thead>
                    <tr>
                        <th scope="col">"Label"</th>
                        <th scope="col">"Dice"</th>
                        <th scope="col">"HD95, mm"</th>
                        {head}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </Show>
    }
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
fn rows(now: &Evaluation, before: Option<&Evaluation>) -> impl IntoView + use<> {
    let text =
        |value: Option<Statistic>, decimals: usize| value.map_or_else(|| "–".to_owned(), |value| value.text(decimals));
    let row = |key: String, name: String, means: Means, old: Option<Means>| {
        let old = before.map(|_| {
            view! {
                <td class="dice-before">{text(old.and_then(|old| old.dice), 3)}</td>
                <td class="hd95-before">{text(old.and_then(|old| old.hd95_mm), 2)}</td>
            }
        });
        view! {
            <tr data-label=key>
                <th scope="row">{name}</th>
                <td class="dice">{text(means.dice, 3)}</td>
                <td class="hd95">{text(means.hd95_mm, 2)}</td>
                {old}
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
