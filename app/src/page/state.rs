//! What the page knows: a store for each panel, what is saved of a session, and what all panels share.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use medcontext_core::backbone::Size;
use medcontext_core::train::{NetworkChoice, TrainConfig};
use reactive_stores::Store;

use super::panels::cases::{Case, CasesStore};
use super::panels::progress::ProgressStore;
use super::panels::segment::SegmentStore;
use super::panels::session::SessionStore;
use super::panels::train::{Preview, TrainStore};
use super::panels::viewer::{Overlay, ViewerStore};
use super::panels::weights::WeightsStore;
use super::panels::worker::WorkerStore;
use super::viewer::Label;
use crate::saved::Saved;

/// One line of the message list.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Tells messages apart.
    pub key: usize,
    /// One sentence.
    pub text: String,
}

/// All of it. Cheap to copy: every field is a handle.
#[derive(Clone, Copy)]
pub struct State {
    /// The compute worker.
    pub worker: WorkerStore,
    /// Files and cases.
    pub cases: CasesStore,
    /// The training run at hand.
    pub train: TrainStore,
    /// What came of segmentations.
    pub segment: SegmentStore,
    /// The weights at hand.
    pub weights: WeightsStore,
    /// The long task.
    pub progress: ProgressStore,
    /// What is in view.
    pub viewer: ViewerStore,
    /// An earlier session.
    pub session: SessionStore,
    /// What is saved of this one, by panels and for the next visit. Roles and results are in the table of cases.
    pub saved: Store<Saved>,
    /// What went wrong, newest last.
    pub messages: RwSignal<Vec<Message>>,
    /// Every label of every case and of the network, sorted by id: a label has the same color everywhere.
    pub labels: Memo<Vec<Label>>,
}

impl State {
    /// An empty page.
    pub fn new() -> Self {
        let (cases, viewer) = (CasesStore::default(), ViewerStore::default());
        Self {
            worker: WorkerStore::default(),
            cases,
            train: TrainStore::default(),
            segment: SegmentStore::default(),
            weights: WeightsStore::default(),
            progress: ProgressStore::default(),
            viewer,
            session: SessionStore::default(),
            saved: Store::new(Saved {
                // A browser is no place for a large network.
                config: TrainConfig {
                    network: NetworkChoice::default().with_size(Size::Tiny),
                    ..TrainConfig::default()
                },
                ..Saved::default()
            }),
            messages: RwSignal::new(Vec::new()),
            labels: Memo::new(move |_| all_labels(&cases.rows.read(), &viewer.hidden.read())),
        }
    }

    /// Adds a line to the message list, unless it is there already.
    pub fn say(&self, text: impl Into<String>) {
        let text = text.into();
        self.messages.update(|messages| {
            if messages.iter().all(|message| message.text != text) {
                let key = messages.last().map_or(0, |last| last.key + 1);
                messages.push(Message { key, text });
            }
        });
    }

    /// Puts a case into the viewer, with its prediction over it if there is one, else its own labels.
    pub fn look_at(&self, id: &str) {
        let editing = self.viewer.editing.get_untracked();
        if let Some(edited) = editing.filter(|edited| edited != id) {
            return self.say(format!(
                "The labels of {edited} are being edited: save or discard them first."
            ));
        }
        let done = self.cases.find(id).is_some_and(|case| case.result.done().is_some());
        self.viewer
            .overlay
            .set(if done { Overlay::Prediction } else { Overlay::Truth });
        self.viewer.viewed.set(Some(id.to_owned()));
    }

    /// What was found in a case is of no use any more.
    pub fn forget_result(&self, id: &str) {
        let of_case = |preview: &Option<Preview>| preview.as_ref().is_some_and(|one| one.case == id);
        if self.train.preview.with_untracked(of_case) {
            self.train.preview.set(None);
        }
        self.segment.files.update(|files| drop(files.remove(id)));
        self.viewer.differences.update(|files| drop(files.remove(id)));
    }
}

/// The union of the labels of all cases, by id.
fn all_labels(cases: &[Case], hidden: &BTreeSet<u16>) -> Vec<Label> {
    let mut names = BTreeMap::new();
    for case in cases {
        let predicted = case.result.done().map(|result| &result.volumes);
        for label in case.info.labels().into_iter().chain(predicted).flatten() {
            let known = names.entry(label.id).or_insert_with(|| label.name.clone());
            // A name that says something comes before one that was made up.
            if *known == format!("label {}", label.id) {
                known.clone_from(&label.name);
            }
        }
    }
    let label = |(id, name)| Label {
        id,
        name,
        visible: !hidden.contains(&id),
    };
    names.into_iter().map(label).collect()
}
