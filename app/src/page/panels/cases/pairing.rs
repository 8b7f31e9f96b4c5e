//! Pairing of label maps with images by hand, where names are not enough.

use leptos::prelude::*;

use crate::message::CasesRequest;
use crate::page::link::Link;
use crate::page::panels::cases::Case;
use crate::page::state::State;

/// A table of the cases' files. It is created when it is opened, because every row lists all label maps.
#[component]
pub fn Pairing() -> impl IntoView {
    let state = expect_context::<State>();
    let open = RwSignal::new(false);
    let ids = Memo::new(move |_| state.cases.ids(|_| true));
    let aside = move || match unpaired(state).len() {
        0 => String::new(),
        1 => "1 volume is in no case".to_owned(),
        number => format!("{number} volumes are in no case"),
    };
    view! {
        <details id="pairing" on:toggle:target=move |event| open.set(event.target().open())>
            <summary>"Pair images and label maps by hand" <span class="aside">{aside}</span></summary>
            <Show when=move || open.get()>
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Image"</th>
                            <th scope="col">"Label map"</th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=move || ids.get() key=String::clone let(id)>
                            <PairingRow id=id />
                        </For>
                    </tbody>
                </table>
            </Show>
        </details>
    }
}

/// One image, and the choice of its label map.
#[component]
fn PairingRow(id: String) -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let id = StoredValue::new(id);
    let case = Memo::new(move |_| state.cases.find(&id.read_value()));
    let image = move || case.read().as_ref().map(|case| case.info.files.image().to_owned());
    let label = move || {
        let case = case.read();
        case.as_ref().and_then(|case| case.info.files.label.clone())
    };
    let option = move |path: String| {
        let selected = label().as_ref() == Some(&path);
        view! {
            <option value=path.clone() selected=selected>
                {path.clone()}
            </option>
        }
    };
    let options = move || {
        let all = candidates(state, &id.read_value(), label());
        all.into_iter().map(option).collect_view()
    };
    let choose = move |value: String| {
        link.send(CasesRequest::Pair {
            case: id.get_value(),
            label: (!value.is_empty()).then_some(value),
        });
    };
    view! {
        <tr data-pair=id.get_value()>
            <th scope="row">{image}</th>
            <td>
                <select
                    aria-label=move || format!("Label map of {}", id.get_value())
                    on:change:target=move |event| choose(event.target().value())
                >
                    <option value="" selected=move || label().is_none()>
                        "none"
                    </option>
                    {options}
                </select>
            </td>
        </tr>
    }
}

/// Candidates for a case's label map: its own, unpaired ones, and files that were taken for images.
fn candidates(state: State, id: &str, own: Option<String>) -> Vec<String> {
    let images = state.cases.rows.read();
    let unlabeled = |case: &&Case| case.info.files.label.is_none() && case.info.id() != id;
    let images = images
        .iter()
        .filter(unlabeled)
        .map(|case| case.info.files.image().to_owned());
    own.into_iter().chain(unpaired(state)).chain(images).collect()
}

/// Volumes that belong to no case.
fn unpaired(state: State) -> Vec<String> {
    let leftovers = state.cases.leftovers.read();
    let volumes = leftovers.iter().filter(|file| file.volume);
    volumes.map(|file| file.path.clone()).collect()
}
