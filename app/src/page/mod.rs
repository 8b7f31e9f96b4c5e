//! The page: a column of panels that follow the work from top to bottom (cases, training, segmentation),
//! and the viewer beside it.

mod address;
mod awake;
mod files;
mod keep;
mod link;
mod models;
mod palette;
mod reports;
mod state;
mod view;
mod viewer;
mod words;

use leptos::prelude::*;

use link::Link;
use state::State;
use view::{Cases, Footer, Header, Messages, Predict, Progress, Stage, Train, Welcome, Window};

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
                    <Messages />
                    <Welcome />
                    <Cases />
                    <Train />
                    <Predict />
                </div>
                <Progress />
            </div>
            <Stage />
        </main>
        <Footer />
    }
}
