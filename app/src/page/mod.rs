//! The page: a column of panels that follow the work from top to bottom (cases, training, segmentation),
//! and the viewer beside it.

mod address;
mod awake;
mod files;
mod format;
mod link;
mod palette;
mod panels;
mod scroll;
mod state;
mod viewer;

use leptos::prelude::*;

use link::Link;
use panels::frame::{Footer, Header, Window};
use panels::session::keep;
use state::State;

/// The whole page.
#[component]
pub fn Page() -> impl IntoView {
    let state = State::new();
    let link = Link::start(state);
    provide_context(state);
    provide_context(link);
    keep::follow(state, link);
    awake::follow(state);
    view! {
        <Window />
        <Header />
        <main>
            <div class="work">
                <div class="panels">
                    <panels::worker::Messages />
                    <panels::session::Welcome />
                    <panels::cases::Cases />
                    <panels::train::Train />
                    <panels::segment::Segment />
                </div>
                <panels::progress::Progress />
            </div>
            <panels::viewer::Stage />
        </main>
        <Footer />
    }
}
