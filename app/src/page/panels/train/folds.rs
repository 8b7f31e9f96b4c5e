//! Cross-validation: a button, and the table of what was found.

use leptos::prelude::*;
use medcontext_core::experiment::{FoldCount, FoldSummary, WorstCase};
use medcontext_core::metric::{Means, Statistic};

use crate::message::TrainingRequest;
use crate::page::link::Link;
use crate::page::panels::progress::{Task, Work};
use crate::page::state::State;
use crate::saved::SavedStoreFields;

/// The button and the table.
#[component]
pub fn Folds(cases: Memo<Vec<String>>, ready: Signal<bool>) -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let start = move |_| {
        state.train.folds.set(None);
        state.progress.work.set(Work::begin(Task::Train));
        link.send(TrainingRequest::CrossValidate {
            config: Box::new(state.saved.config().get().resolved()),
            cases: cases.get(),
            folds: FoldCount::All,
        });
    };
    view! {
        <div id="folds">
            <button
                id="cross-validate"
                title="Trains once for each case, on the others, and measures it: how good to expect a network to be"
                disabled=move || !ready.get() || cases.read().len() < 2
                on:click=start
            >
                "Validate by leaving each case out in turn"
            </button>
            {move || state.train.folds.get().map(|summary| view! { <Summary summary=summary /> })}
        </div>
    }
}

/// Dice and HD95 by label, their means, and the worst case.
#[component]
fn Summary(summary: FoldSummary) -> impl IntoView {
    let line = |name: String, means: Means| {
        let text = |value: Option<Statistic>, decimals| value.map_or("-".to_owned(), |value| value.text(decimals));
        let (dice, distance) = (text(means.dice, 3), text(means.hd95_mm, 1));
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td>{dice}</td>
                <td>{distance}</td>
            </tr>
        }
    };
    let (done, planned) = (summary.folds.len(), summary.planned);
    let labels = summary.evaluation.labels.into_iter();
    let labels: Vec<_> = labels.map(|label| line(label.name, label.means)).collect();
    let worst = summary
        .worst
        .map(|WorstCase { case, dice }| format!("Worst case: {case}, Dice {dice:.3}"));
    let chosen = summary.post_processing.map(|chosen| chosen.to_lines());
    let chosen: Vec<_> = (chosen.into_iter().flatten())
        .map(|line| view! { <li>{line.trim().to_owned()}</li> })
        .collect();
    view! {
        <table>
            <thead>
                <tr>
                    <th scope="col">{format!("{done} of {planned} folds")}</th>
                    <th scope="col">"Dice"</th>
                    <th scope="col">"HD95 mm"</th>
                </tr>
            </thead>
            <tbody>{labels} {line("mean".to_owned(), summary.evaluation.mean)}</tbody>
        </table>
        <p class="worst">{worst}</p>
        <ul class="post-processing">{chosen}</ul>
    }
}
