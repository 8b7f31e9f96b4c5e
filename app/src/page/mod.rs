//! The page: a column of steps that follow the work (cases, training, segmentation, measuring, files to save), one
//! visible at a time, and the viewer beside it.

mod address;
mod awake;
mod files;
mod format;
mod link;
mod palette;
mod panels;
mod scroll;
mod state;
mod steps;
mod viewer;

use leptos::prelude::*;

use link::Link;
use panels::frame::{Footer, Header, Section, Window};
use panels::session::keep;
use state::State;
use steps::{Panel, Step, Tabs};

/// The whole page.
#[component]
pub fn Page() -> impl IntoView {
    let state = State::new();
    let link = Link::start(state);
    provide_context(state);
    provide_context(link);
    keep::follow(state, link);
    panels::plan::follow(state, link);
    awake::follow(state);
    view! {
        <Window />
        <Header />
        <main>
            <div class="work">
                <Tabs />
                <panels::worker::Messages />
                <panels::session::Welcome />
                <Panel step=Step::Cases>
                    <panels::cases::Cases />
                </Panel>
                <Panel step=Step::Train>
                    <panels::plan::Plan />
                    <panels::train::Train />
                </Panel>
                <Panel step=Step::Segment>
                    <Section id="weights-title" title="Weights">
                        <panels::weights::Weights />
                        <panels::weights::Bundled />
                    </Section>
                    <panels::segment::Segment />
                </Panel>
                <Panel step=Step::Measure>
                    <Section id="measure-title" title="Measure">
                        <panels::measure::Measure />
                    </Section>
                </Panel>
                <Panel step=Step::TakeAway>
                    <Section id="take-away-title" title="Take away">
                        <panels::weights::Save />
                        <panels::take_away::TakeAway />
                    </Section>
                </Panel>
                <panels::progress::Progress />
            </div>
            <panels::viewer::Stage />
        </main>
        <Footer />
    }
}
