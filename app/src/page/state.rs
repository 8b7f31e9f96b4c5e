//! What the page knows. Views read these signals; `reports.rs` changes them as the worker speaks.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use medcontext_core::backbone::Size;
use medcontext_core::dataset::Role;
use medcontext_core::metric::Evaluation;
use medcontext_core::train::{Losses, NetworkChoice, TrainConfig};
use medcontext_core::volume::LabelImage;
use web_sys::Blob;

use super::viewer::{Label, Readout};
use crate::message::{CaseInfo, Device, Unused, WeightsInfo};
use crate::saved::{Saved, SavedResult, Unfinished, Validation};

/// The compute worker's condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Engine {
    /// It is loading or opening its device.
    Starting,
    /// It computes there.
    Ready(Device),
    /// It died; a new one can be started.
    Dead,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What the worker says of it.
    pub info: CaseInfo,
    /// What it is for.
    pub role: Role,
    /// Its segmentation.
    pub result: CaseResult,
}

impl Case {
    /// Whether it is used for this. A series that nobody has decided about is used for nothing.
    pub fn is_for(&self, role: Role) -> bool {
        self.role == role && self.info.frames.is_none()
    }
}

/// How far a case's segmentation is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum CaseResult {
    /// Not asked for.
    #[default]
    None,
    /// Under way.
    Running,
    /// Done.
    Done(SavedResult),
    /// Not possible: one sentence.
    Failed(String),
}

impl CaseResult {
    /// Its name in the `data-state` of a row.
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "ready",
            Self::Running => "predicting",
            Self::Done(_) => "done",
            Self::Failed(_) => "failed",
        }
    }

    /// What was found, if it is done.
    pub fn done(&self) -> Option<&SavedResult> {
        match self {
            Self::Done(result) => Some(result),
            _ => None,
        }
    }
}

/// The two long tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Training.
    Train,
    /// Segmentation.
    Predict,
    /// A few steps of training, for their time.
    Rehearse,
}

/// What became of the last task, or that it still runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing has run yet.
    #[default]
    Idle,
    /// It runs.
    Running,
    /// It waits until it may go on.
    Paused,
    /// It was asked to stop and has not yet.
    Stopping,
    /// It reached its end.
    Done,
    /// It was stopped.
    Stopped,
    /// It failed.
    Failed,
}

/// The long task at hand, or the last one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    /// Which.
    pub task: Option<Task>,
    /// Where it stands.
    pub phase: Phase,
    /// Steps or windows done.
    pub done: usize,
    /// Steps or windows in all; 0 while unknown.
    pub total: usize,
    /// Estimated wall time left in seconds.
    pub remaining_seconds: f64,
    /// What is going on, in words.
    pub words: String,
    /// The first step or window is under way on a GPU, which compiles the programs that it needs.
    pub compiling: bool,
}

impl Work {
    /// A task that begins.
    pub fn begin(task: Task) -> Self {
        Self {
            task: Some(task),
            phase: Phase::Running,
            ..Self::default()
        }
    }

    /// Whether something runs.
    pub fn busy(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Paused | Phase::Stopping)
    }

    /// Whether this task runs.
    pub fn runs(&self, task: Task) -> bool {
        self.busy() && self.task == Some(task)
    }
}

/// One line of the message list.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Tells messages apart.
    pub key: usize,
    /// One sentence.
    pub text: String,
}

/// Which labels are drawn over the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// None.
    None,
    /// Those that came with the case.
    Truth,
    /// Those that the network found.
    Prediction,
    /// Where the two differ.
    Difference,
    /// How uncertain the network was.
    Uncertainty,
}

/// A case's volumes, ready for the viewer.
#[derive(Clone)]
pub struct Picture {
    /// The case.
    pub case: String,
    /// Its image.
    pub image: Blob,
    /// The label map that came with it.
    pub truth: Option<Blob>,
}

/// What a training run under way makes of a case.
#[derive(Clone)]
pub struct Preview {
    /// The case.
    pub case: String,
    /// Steps done.
    pub iteration: usize,
    /// The label map.
    pub labels: Blob,
}

/// What the network found in a case: label map and uncertainty.
#[derive(Clone, PartialEq)]
pub struct Displayed {
    /// The case.
    pub case: String,
    /// The label map.
    pub labels: Option<Blob>,
    /// How uncertain the network was.
    pub uncertainty: Option<Blob>,
}

/// How long training steps take.
#[derive(Clone, Debug, PartialEq)]
pub struct Pace {
    /// The settings.
    pub config: TrainConfig,
    /// The first step, in seconds.
    pub first_seconds: f64,
    /// Those after it.
    pub step_seconds: f64,
}

/// The files that a segmented case can be saved as.
#[derive(Clone)]
pub struct ResultFiles {
    /// The label map, `.nii.gz`.
    pub labels: Blob,
    /// How uncertain the network was, `.nii.gz`.
    pub uncertainty: Option<Blob>,
    /// The logits, `.safetensors`, where they were asked for.
    pub logits: Option<Blob>,
}

/// All of it. Cheap to copy: every field is a handle.
#[derive(Clone, Copy)]
pub struct State {
    /// The worker.
    pub engine: RwSignal<Engine>,
    /// The table.
    pub cases: RwSignal<Vec<Case>>,
    /// Files that are not used.
    pub leftovers: RwSignal<Vec<Unused>>,
    /// Whether some of them are label maps of one structure each.
    pub structures: RwSignal<bool>,
    /// Whether a new worker is reading what a dead one knew: nothing has changed then.
    pub replaying: RwSignal<bool>,
    /// Cases read and cases to read, while files are being read.
    pub reading: RwSignal<Option<(usize, usize)>>,
    /// What went wrong, newest last.
    pub messages: RwSignal<Vec<Message>>,
    /// Settings of the next training run.
    pub config: RwSignal<TrainConfig>,
    /// Whether the settings were touched by hand; then suggestions leave them alone.
    pub config_touched: RwSignal<bool>,
    /// Losses of the last training run, step by step.
    pub losses: RwSignal<Vec<Losses>>,
    /// Its validations.
    pub validations: RwSignal<Vec<Validation>>,
    /// Iterations that it was to take.
    pub planned: RwSignal<usize>,
    /// Its settings.
    pub trained: RwSignal<Option<TrainConfig>>,
    /// The cases that it holds out.
    pub held_out: RwSignal<Vec<String>>,
    /// A run that was cut off or stopped, and can go on.
    pub unfinished: RwSignal<Option<Unfinished>>,
    /// What the run makes of a case: the case, steps done, the label map.
    pub preview: RwSignal<Option<Preview>, LocalStorage>,
    /// How long a step takes, and with which settings that was measured.
    pub pace: RwSignal<Option<Pace>>,
    /// Wall time of the last training step in seconds.
    pub step_seconds: RwSignal<f64>,
    /// The long task.
    pub work: RwSignal<Work>,
    /// What the weights at hand are.
    pub weights: RwSignal<Option<WeightsInfo>>,
    /// The weights file.
    pub weights_file: StoredValue<Option<Blob>, LocalStorage>,
    /// SHA-256 of the weights that segmented last.
    pub segmented_with: RwSignal<Option<String>>,
    /// What other weights gave before.
    pub before: RwSignal<Option<Evaluation>>,
    /// An earlier session that can be brought back.
    pub found: RwSignal<Option<Box<Saved>>>,
    /// Files of the segmented cases, by case.
    pub result_files: RwSignal<BTreeMap<String, ResultFiles>, LocalStorage>,
    /// What the network found in the case in view, as the viewer takes it.
    pub displayed: RwSignal<Option<Displayed>, LocalStorage>,
    /// Number of the request whose answer that is.
    pub display_number: StoredValue<u32>,
    /// Where segmentations differ from the truth, as far as that was asked for.
    pub differences: RwSignal<BTreeMap<String, Blob>, LocalStorage>,
    /// The case that the viewer shows or is about to show.
    pub viewed: RwSignal<Option<String>>,
    /// Its volumes.
    pub picture: RwSignal<Option<Picture>, LocalStorage>,
    /// The case whose labels are being edited.
    pub editing: RwSignal<Option<String>>,
    /// Which labels are drawn.
    pub overlay: RwSignal<Overlay>,
    /// Labels that are not drawn.
    pub hidden: RwSignal<BTreeSet<u16>>,
    /// Where the crosshair is to go once the case in view is on screen: the case, and mm in RAS+.
    pub destination: RwSignal<Option<(String, [f64; 3])>>,
    /// What is under the crosshair.
    pub readout: RwSignal<Option<Readout>>,
    /// Every label of every case and of the network, sorted by id: a label has the same colour everywhere.
    pub labels: Memo<Vec<Label>>,
}

impl State {
    /// An empty page.
    pub fn new() -> Self {
        let cases = RwSignal::new(Vec::new());
        let hidden = RwSignal::new(BTreeSet::new());
        Self {
            engine: RwSignal::new(Engine::Starting),
            cases,
            leftovers: RwSignal::new(Vec::new()),
            structures: RwSignal::new(false),
            replaying: RwSignal::new(false),
            reading: RwSignal::new(None),
            messages: RwSignal::new(Vec::new()),
            config: RwSignal::new(TrainConfig {
                network: NetworkChoice::default().with_size(Size::Tiny),
                ..TrainConfig::default()
            }),
            config_touched: RwSignal::new(false),
            losses: RwSignal::new(Vec::new()),
            validations: RwSignal::new(Vec::new()),
            planned: RwSignal::new(0),
            trained: RwSignal::new(None),
            held_out: RwSignal::new(Vec::new()),
            unfinished: RwSignal::new(None),
            preview: RwSignal::new_local(None),
            pace: RwSignal::new(None),
            step_seconds: RwSignal::new(0.0),
            work: RwSignal::new(Work::default()),
            weights: RwSignal::new(None),
            weights_file: StoredValue::new_local(None),
            segmented_with: RwSignal::new(None),
            before: RwSignal::new(None),
            found: RwSignal::new(None),
            result_files: RwSignal::new_local(BTreeMap::new()),
            displayed: RwSignal::new_local(None),
            display_number: StoredValue::new(0),
            differences: RwSignal::new_local(BTreeMap::new()),
            viewed: RwSignal::new(None),
            picture: RwSignal::new_local(None),
            editing: RwSignal::new(None),
            overlay: RwSignal::new(Overlay::Truth),
            hidden,
            destination: RwSignal::new(None),
            readout: RwSignal::new(None),
            labels: Memo::new(move |_| all_labels(&cases.read(), &hidden.read())),
        }
    }

    /// The labels that are over the image now, which the viewer colours.
    pub fn shown_labels(&self) -> Vec<Label> {
        if self.overlay.get() != Overlay::Difference {
            return self.labels.get();
        }
        let kinds = [
            (LabelImage::MISSED, "missed"),
            (LabelImage::EXTRA, "extra"),
            (LabelImage::OTHER, "another label"),
        ];
        let label = |(id, name): (u16, &str)| Label {
            id,
            name: name.to_owned(),
            visible: true,
        };
        kinds.map(label).into()
    }

    /// A row, as it is now.
    pub fn case(&self, id: &str) -> Option<Case> {
        self.cases
            .read()
            .iter()
            .find(|case| case.info.id == id)
            .cloned()
    }

    /// Changes a row.
    pub fn update_case(&self, id: &str, change: impl FnOnce(&mut Case)) {
        self.cases.update(|cases| {
            if let Some(case) = cases.iter_mut().find(|case| case.info.id == id) {
                change(case);
            }
        });
    }

    /// Ids of the cases that `wanted` picks.
    pub fn case_ids(&self, wanted: impl Fn(&Case) -> bool) -> Vec<String> {
        let cases = self.cases.read();
        cases
            .iter()
            .filter(|case| wanted(case))
            .map(|case| case.info.id.clone())
            .collect()
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
        let editing = self.editing.get_untracked();
        if let Some(edited) = editing.filter(|edited| edited != id) {
            return self.say(format!(
                "The labels of {edited} are being edited: save or discard them first."
            ));
        }
        let done = self
            .case(id)
            .is_some_and(|case| case.result.done().is_some());
        self.overlay.set(if done {
            Overlay::Prediction
        } else {
            Overlay::Truth
        });
        self.viewed.set(Some(id.to_owned()));
    }
}

/// The union of the labels of all cases, by id.
fn all_labels(cases: &[Case], hidden: &BTreeSet<u16>) -> Vec<Label> {
    let mut names = BTreeMap::new();
    for case in cases {
        let predicted = case.result.done().map(|result| &result.volumes);
        for label in case.info.labels.iter().chain(predicted).flatten() {
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
