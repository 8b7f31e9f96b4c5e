//! The table of cases: facts, warnings and roles.

use leptos::prelude::*;
use medcontext_core::dataset::{Fix, Role};
use medcontext_core::infer::LabelVolume;

use super::picture::Picture;
use super::series::Series;
use super::store::{Case, CaseResult};
use crate::message::CasesRequest;
use crate::page::format;
use crate::page::link::Link;
use crate::page::state::State;

/// The table.
#[component]
pub fn CaseTable() -> impl IntoView {
    let state = expect_context::<State>();
    let ids = Memo::new(move |_| state.cases.ids(|_| true));
    view! {
        <div class="scroller" tabindex="0" role="region" aria-label="Table of cases">
            <table id="cases">
                <thead>
                    <tr>
                        <th>
                            <span class="unseen">"Picture"</span>
                        </th>
                        <th scope="col">"Case"</th>
                        <th scope="col">"Voxels, and their size"</th>
                        <th scope="col" title="Directions in which the file's axes grow">
                            "Axes"
                        </th>
                        <th scope="col">"Labels"</th>
                        <th scope="col">"Use"</th>
                        <th>
                            <span class="unseen">"Remove"</span>
                        </th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || ids.get() key=String::clone let(id)>
                        <CaseRow id=id />
                    </For>
                </tbody>
            </table>
        </div>
    }
}

/// One case, with its warnings below.
#[component]
fn CaseRow(id: String) -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let id = StoredValue::new(id);
    let case = Memo::new(move |_| state.cases.find(&id.read_value()));
    let field = move |text: fn(&Case) -> String| move || case.read().as_ref().map(text);
    let viewed = move || *state.viewer.viewed.read() == Some(id.get_value());
    let remove = move |_| {
        link.send(CasesRequest::Remove { case: id.get_value() });
    };
    view! {
        <tr
            data-case=id.get_value()
            data-role=field(|case| role_name(case.role).to_owned())
            data-state=field(|case| case.result.name().to_owned())
            class:viewed=viewed
            aria-current=move || viewed().then_some("true")
        >
            <td class="picture">
                <Picture case=case />
            </td>
            <th scope="row">
                <button
                    class="show plain"
                    title="Show in the viewer"
                    on:click=move |_| state.look_at(&id.read_value())
                >
                    {id.get_value()}
                </button>
            </th>
            <td class="size">
                <span class="dims">{field(size)}</span>
                <span class="spacing">
                    {field(|case| format!("{} mm", format::spacing(case.info.header.spacing)))}
                </span>
            </td>
            <td class="orientation">{field(|case| case.info.header.orientation.clone())}</td>
            <td class="labels">{field(label_ids)}</td>
            <td>
                <RoleChoice id=id case=case />
            </td>
            <td>
                <button
                    class="remove plain"
                    aria-label=move || format!("Remove {}", id.get_value())
                    on:click=remove
                    ></button>
            </td>
        </tr>
        <Problems case=case />
    }
}

/// Warnings about a case, below its row.
#[component]
fn Problems(case: Memo<Option<Case>>) -> impl IntoView {
    let link = expect_context::<Link>();
    let all = move || case.read().as_ref().map_or_else(Vec::new, problems);
    let fix = move || case.read().as_ref().and_then(|case| case.info.contents.as_ref()?.fix);
    let mend = move |_| {
        let id = case.read().as_ref().map(|case| case.info.id().to_owned());
        if let (Some(case), Some(fix)) = (id, fix()) {
            link.send(CasesRequest::Repair { case, fix });
        }
    };
    let offer = move || {
        let label = fix().map(|fix| match fix {
            Fix::Resample => "Bring the labels onto the image's grid",
            Fix::Round => "Round the values to labels",
        });
        label.map(|label| {
            view! {
                <button class="fix" on:click=mend>
                    {label}
                </button>
            }
        })
    };
    let line = |text| view! { <li class="problem">{text}</li> };
    view! {
        <Show when=move || !all().is_empty()>
            <tr class="problems">
                <td colspan="7">
                    <ul>{move || all().into_iter().map(line).collect_view()}</ul>
                    {offer}
                    <Series case=case />
                </td>
            </tr>
        </Show>
    }
}

/// The role of a case. Only labeled cases can be trained on.
#[component]
fn RoleChoice(id: StoredValue<String>, case: Memo<Option<Case>>) -> impl IntoView {
    let state = expect_context::<State>();
    let role = move || case.read().as_ref().map_or("predict", |case| role_name(case.role));
    let labeled = move || {
        let case = case.read();
        case.as_ref().and_then(|case| case.info.labels()).is_some()
    };
    let choose = move |value: String| {
        let role = match value.as_str() {
            "train" => Role::Train,
            "validate" => Role::Validate,
            _ => Role::Predict,
        };
        state.cases.change(&id.read_value(), |case| case.role = role);
    };
    view! {
        <select
            class="role"
            aria-label=move || format!("Use of {}", id.get_value())
            prop:value=role
            on:change:target=move |event| choose(event.target().value())
        >
            <option value="train" disabled=move || !labeled() selected=move || role() == "train">
                "train"
            </option>
            <option
                value="validate"
                disabled=move || !labeled()
                selected=move || role() == "validate"
            >
                "hold out"
            </option>
            <option value="predict" selected=move || role() == "predict">
                "segment"
            </option>
        </select>
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Train => "train",
        Role::Validate => "validate",
        Role::Predict => "predict",
    }
}

/// Voxels along each axis, and the channels if there are several.
fn size(case: &Case) -> String {
    let dims = format::product(&case.info.header.dims);
    match case.info.header.channels {
        1 => dims,
        channels => format!("{dims}, {channels} channels"),
    }
}

/// Ids of a case's labels; a dash without a label map, an ellipsis before it was read.
fn label_ids(case: &Case) -> String {
    if case.info.files.is_labeled() && !case.info.is_read() {
        return "…".to_owned();
    }
    let ids = |labels: &Vec<_>| labels.iter().map(|label: &LabelVolume| label.id).collect();
    let ids: Option<Vec<u16>> = case.info.labels().map(ids);
    ids.map_or_else(|| "–".to_owned(), |ids| format::ids(&ids))
}

/// Warnings about a case, and why it could not be segmented.
fn problems(case: &Case) -> Vec<String> {
    let mut all = case.info.problems().to_vec();
    if let Some(frames) = case.info.header.undecided_frames {
        all.push(format!(
            "this is a series of {frames} frames: choose one, or use all as the channels of one image"
        ));
    }
    if let CaseResult::Failed(reason) = &case.result {
        all.push(reason.clone());
    }
    all
}
