//! What to do with a file of several frames.

use leptos::prelude::*;
use medcontext_core::dataset::Frames;

use crate::message::CasesRequest;
use crate::page::link::Link;
use crate::page::panels::cases::Case;

/// A choice of one frame, or of all as channels; nothing for a case that is one volume.
#[component]
pub fn Series(case: Memo<Option<Case>>) -> impl IntoView {
    let link = expect_context::<Link>();
    let frame = RwSignal::new(1usize);
    let frames = move || case.read().as_ref().and_then(|case| case.info.header.undecided_frames);
    let decide = move |frames: Frames| {
        if let Some(case) = case.get() {
            link.send(CasesRequest::UseFrames {
                case: case.info.id().to_owned(),
                frames,
            });
        }
    };
    let choose = move |value: String| {
        let wanted: usize = value.parse().unwrap_or(1);
        frame.set(wanted.clamp(1, frames().unwrap_or(1)));
        // Visibly resets a number that is out of range.
        frame.notify();
    };
    view! {
        <Show when=move || frames().is_some()>
            <span class="series">
                <label>
                    "Frame"
                    <input
                        class="frame"
                        type="number"
                        min="1"
                        max=move || frames().unwrap_or(1)
                        prop:value=move || frame.get().to_string()
                        on:change:target=move |event| choose(event.target().value())
                    />
                </label>
                <button class="fix one" on:click=move |_| decide(Frames::One(frame.get() - 1))>
                    "Use this frame"
                </button>
                <button
                    class="fix channels"
                    title="Also for the other series of as many frames"
                    on:click=move |_| decide(Frames::Channels)
                >
                    "Use all as channels"
                </button>
            </span>
        </Show>
    }
}
