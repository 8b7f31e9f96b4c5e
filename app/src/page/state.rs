//! The page's state: a store for each panel, the saved part of a session, and what all panels share.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use medcontext_core::backbone::Size;
use medcontext_core::train::{NetworkChoice, TrainConfig};
use medcontext_core::volume::IGNORE;
use reactive_stores::Store;

use super::panels::cases::{Case, CasesStore};
use super::panels::plan::PlanStore;
use super::panels::progress::ProgressStore;
use super::panels::segment::SegmentStore;
use super::panels::session::SessionStore;
use super::panels::train::{Preview, TrainStore};
use super::panels::viewer::{Overlay, ViewerStore};
use super::panels::weights::WeightsStore;
use super::panels::worker::WorkerStore;
use super::steps::StepsStore;
use super::viewer::Label;
use crate::saved::Saved;

/// One line of the message list.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Identifies the message.
    pub key: usize,
    /// One sentence.
    pub text: String,
}

/// The page's whole state. Cheap to copy: every field is a handle.
#[derive(Clone, Copy)]
pub struct State {
    /// Which step is visible.
    pub steps: StepsStore,
    /// The compute worker.
    pub worker: WorkerStore,
    /// Files and cases.
    pub cases: CasesStore,
    /// The plan of a run.
    pub plan: PlanStore,
    /// The current training run.
    pub train: TrainStore,
    /// Results of segmentations.
    pub segment: SegmentStore,
    /// The current weights.
    pub weights: WeightsStore,
    /// The current task.
    pub progress: ProgressStore,
    /// The viewer.
    pub viewer: ViewerStore,
    /// An earlier session.
    pub session: SessionStore,
    /// The saved part of this session, by panels and for the next visit. Roles and results are in the table of cases.
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
            steps: StepsStore::open(),
            worker: WorkerStore::default(),
            cases,
            plan: PlanStore::default(),
            train: TrainStore::default(),
            segment: SegmentStore::default(),
            weights: WeightsStore::default(),
            progress: ProgressStore::default(),
            viewer,
            session: SessionStore::default(),
            saved: Store::new(Saved {
                // A browser is not the place for a large network.
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

    /// Discards an outdated result of a case.
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
            // A real name takes precedence over a generated one.
            if *known == format!("label {}", label.id) {
                known.clone_from(&label.name);
            }
        }
    }
    // They are shown, and can be drawn; in the words of files, where they were chosen in another way too.
    let ignored = cases.iter().filter_map(|case| case.info.contents.as_ref()?.ignored);
    names.extend(ignored.map(|id| (id, IGNORE.to_owned())));
    let label = |(id, name)| Label {
        id,
        name,
        visible: !hidden.contains(&id),
    };
    names.into_iter().map(label).collect()
}
