//! What the worker's reports change on the page.

use leptos::prelude::*;
use medcontext_core::dataset::Role;
use medcontext_core::train::{Event, TrainConfig};
use web_sys::Blob;

use super::state::{
    Case, CaseResult, Displayed, Engine, Overlay, Pace, Phase, Picture, Preview, ResultFiles,
    State, Task,
};
use super::{files, words};
use crate::message::{
    CaseInfo, CasesReport, Device, DisplayReport, ExportReport, Report, SegmentationReport,
    Segmented, SessionReport, TaskReport, TrainingReport, WeightsReport, WorkerReport,
};
use crate::saved::{Saved, Unfinished, Validation};

/// The name under which everything at hand is saved.
const ARCHIVE: &str = "medcontext.zip";

/// Changes the state as a report says.
pub fn apply(state: State, report: Report) {
    match report {
        Report::Worker(report) => worker(state, report),
        Report::Cases(report) => cases(state, report),
        Report::Training(report) => training(state, report),
        Report::Segmentation(report) => segmentation(state, report),
        Report::Task(TaskReport::Ended { stopped, failure }) => ended(state, stopped, failure),
        Report::Weights(WeightsReport { info, file }) => {
            state.weights_file.set_value(Some(file.0));
            state.weights.set(Some(info));
        }
        Report::Display(report) => display(state, report),
        Report::Export(ExportReport::Archive(file)) => save(state, ARCHIVE, &file.0),
        Report::Export(ExportReport::Surfaces { case, file }) => {
            save(state, &format!("{case}_surfaces.zip"), &file.0);
        }
        Report::Session(report) => session(state, report),
    }
}

fn worker(state: State, report: WorkerReport) {
    match report {
        WorkerReport::Ready(device) => state.engine.set(Engine::Ready(device)),
        WorkerReport::Flushed => state.replaying.set(false),
        WorkerReport::Problem(sentence) => state.say(sentence),
        WorkerReport::Died(reason) => died(state, &reason),
        // The link's own.
        WorkerReport::Library(_) | WorkerReport::Handled => {}
    }
}

fn cases(state: State, report: CasesReport) {
    match report {
        CasesReport::Reading { done, total } => {
            state.reading.set((done < total).then_some((done, total)));
        }
        CasesReport::Case(info) => take_case(state, info),
        CasesReport::Read(info) => case_read(state, info),
        CasesReport::Leftovers { files, structures } => {
            state.leftovers.set(files);
            state.structures.set(structures);
        }
        CasesReport::Removed { case } => forget_case(state, &case),
    }
}

fn training(state: State, report: TrainingReport) {
    match report {
        TrainingReport::Suggested(suggested) => {
            if !state.config_touched.get_untracked() && !state.work.read_untracked().busy() {
                state.config.update(|config| {
                    *config = TrainConfig {
                        backbone: config.backbone,
                        size: config.size,
                        new_head: config.new_head,
                        ..*suggested
                    };
                    config.fit_patch();
                });
            }
        }
        TrainingReport::Event(event) => training_event(state, event),
        TrainingReport::Rehearsed {
            first_seconds,
            step_seconds,
        } => state.pace.set(Some(Pace {
            config: state.config.get_untracked(),
            first_seconds,
            step_seconds,
        })),
        TrainingReport::Preview {
            case,
            iteration,
            file,
        } => state.preview.set(Some(Preview {
            case,
            iteration,
            labels: file.0,
        })),
        TrainingReport::Kept { iteration } => kept(state, iteration),
    }
}

fn segmentation(state: State, report: SegmentationReport) {
    match report {
        SegmentationReport::Progress {
            case,
            done,
            windows,
            remaining_seconds,
        } => predicting(state, &case, done, windows, remaining_seconds),
        SegmentationReport::Done(_) if state.replaying.get_untracked() => {}
        SegmentationReport::Done(found) => segmented(state, found),
        SegmentationReport::Failed { case, reason } => {
            state.say(format!("{case}: {reason}"));
            state.update_case(&case, |row| row.result = CaseResult::Failed(reason));
        }
    }
}

fn display(state: State, report: DisplayReport) {
    match report {
        DisplayReport::Case { case, image, truth } => {
            if state.viewed.read_untracked().as_ref() == Some(&case) {
                state.picture.set(Some(Picture {
                    case,
                    image: image.0,
                    truth: truth.map(|truth| truth.0),
                }));
            }
        }
        DisplayReport::Difference { case, file } => {
            state
                .differences
                .update(|all| drop(all.insert(case, file.0)));
        }
        DisplayReport::Segmentation {
            case,
            number,
            labels,
            uncertainty,
        } => {
            if number == state.display_number.get_value() {
                state.displayed.set(Some(Displayed {
                    case,
                    labels: labels.map(|labels| labels.0),
                    uncertainty: uncertainty.map(|map| map.0),
                }));
            }
        }
    }
}

fn session(state: State, report: SessionReport) {
    match report {
        SessionReport::Found(saved) => {
            // After a breakdown the page itself still knows everything.
            if state.cases.read_untracked().is_empty() {
                state.found.set(Some(saved));
            }
        }
        // A new worker brought back what the page still knows, and knows better.
        SessionReport::Restored(_) if state.replaying.get_untracked() => {}
        SessionReport::Restored(saved) => restored(state, *saved),
    }
}

/// Hands a file to the browser to save.
fn save(state: State, name: &str, file: &Blob) {
    if files::save(name, file).is_err() {
        state.say(format!("The browser could not save {name}; try again."));
    }
}

/// A new case, or one whose files have changed: it keeps its place, loses its segmentation.
fn take_case(state: State, info: CaseInfo) {
    let id = info.id.clone();
    let mut role = info.role;
    if role == Role::Train
        && state
            .case(&id)
            .is_some_and(|case| case.role == Role::Validate)
    {
        role = Role::Validate;
    }
    let row = Case {
        role,
        info,
        result: CaseResult::None,
    };
    let replaying = state.replaying.get_untracked();
    state.cases.update(
        |cases| match cases.binary_search_by(|case| case.info.id.cmp(&id)) {
            Ok(_) if replaying => {}
            Ok(place) => cases[place] = row,
            Err(place) => cases.insert(place, row),
        },
    );
    if replaying {
        return;
    }
    forget_result(state, &id);
    let viewed = state.viewed.get_untracked();
    if viewed.is_none_or(|viewed| viewed == id) {
        state.look_at(&id);
    }
}

/// What a case's voxels say of it.
fn case_read(state: State, info: CaseInfo) {
    let id = info.id.clone();
    state.update_case(&id, |case| {
        if info.labels.is_none() {
            case.role = Role::Predict;
        }
        case.info = info;
    });
}

/// What was found in a case is of no use any more.
fn forget_result(state: State, id: &str) {
    let of_case = |preview: &Option<Preview>| preview.as_ref().is_some_and(|one| one.case == id);
    if state.preview.with_untracked(of_case) {
        state.preview.set(None);
    }
    state.result_files.update(|files| drop(files.remove(id)));
    state.differences.update(|files| drop(files.remove(id)));
}

/// A case that is gone, from the viewer too.
fn forget_case(state: State, id: &str) {
    state
        .cases
        .update(|cases| cases.retain(|case| case.info.id != id));
    forget_result(state, id);
    if state.viewed.read_untracked().as_deref() == Some(id) {
        state.editing.set(None);
        state.viewed.set(None);
        state.picture.set(None);
    }
}

/// The trainer's events.
fn training_event(state: State, event: Event) {
    match event {
        Event::Started {
            parameters,
            iterations,
            iteration,
            training_cases,
            ..
        } => {
            state.planned.set(iterations);
            // What a state that goes on does not know did not happen.
            state.losses.update(|all| all.truncate(iteration));
            state
                .validations
                .update(|all| all.retain(|one| one.iteration <= iteration));
            state.work.update(|work| {
                work.total = iterations;
                work.compiling = on_gpu(state);
                work.words = format!(
                    "Training {:.1} million parameters on {}",
                    parameters as f64 / 1e6,
                    words::count(training_cases, "case", "cases"),
                );
            });
        }
        Event::Step {
            iteration,
            losses,
            seconds,
            remaining_seconds,
            ..
        } => {
            state.losses.update(|all| all.push(losses));
            state.step_seconds.set(seconds);
            state.work.update(|work| {
                work.done = iteration;
                work.compiling = false;
                work.remaining_seconds = remaining_seconds;
            });
        }
        Event::Validated {
            iteration,
            dice,
            labels,
            ..
        } => state.validations.update(|all| {
            all.push(Validation {
                iteration,
                dice,
                labels,
            });
        }),
        Event::Finished {
            iteration,
            seconds,
            stopped,
            ..
        } => {
            if !stopped {
                state.unfinished.set(None);
            }
            state.work.update(|work| {
                work.words = format!(
                    "Trained {} in {}",
                    words::count(iteration, "iteration", "iterations"),
                    words::duration(seconds),
                );
            });
        }
        Event::Checkpoint { .. } => {}
    }
}

/// Whether the worker computes on a GPU.
fn on_gpu(state: State) -> bool {
    matches!(
        *state.engine.read_untracked(),
        Engine::Ready(Device::WebGpu { .. })
    )
}

/// The run under way can go on from here.
fn kept(state: State, iteration: usize) {
    state.unfinished.set(Some(Unfinished {
        iteration,
        iterations: state.planned.get_untracked(),
        validation: state.held_out.get_untracked(),
    }));
}

/// A session is back. Its cases, weights and segmentations came before this.
fn restored(state: State, saved: Saved) {
    state.cases.update(|cases| {
        for case in cases {
            if let Some(role) = saved.roles.get(&case.info.id) {
                case.role = *role;
            }
        }
    });
    state.found.set(None);
    state.config.set(saved.config);
    state.config_touched.set(saved.config_touched);
    state.losses.set(saved.losses);
    state.validations.set(saved.validations);
    state.planned.set(saved.planned);
    state.trained.set(saved.trained);
    state.segmented_with.set(saved.segmented_with);
    state.before.set(saved.before);
    state.unfinished.set(saved.unfinished);
}

/// Progress of a segmentation.
fn predicting(state: State, case: &str, done: usize, windows: usize, remaining_seconds: f64) {
    if done == 0 {
        state.update_case(case, |row| row.result = CaseResult::Running);
    }
    state.work.update(|work| {
        work.done = done;
        work.total = windows;
        work.compiling = done == 0 && on_gpu(state);
        work.remaining_seconds = remaining_seconds;
        work.words = format!("Segmenting {case}");
    });
}

/// A segmented case: into the table, and into view if its image is there.
fn segmented(state: State, found: Segmented) {
    let Segmented {
        case,
        result,
        file,
        uncertainty,
        logits,
    } = found;
    let files = ResultFiles {
        labels: file.0,
        uncertainty: uncertainty.map(|map| map.0),
        logits: logits.map(|logits| logits.0),
    };
    forget_result(state, &case);
    state
        .result_files
        .update(|all| drop(all.insert(case.clone(), files)));
    state.update_case(&case, |row| row.result = CaseResult::Done(result));
    if state.viewed.read_untracked().as_ref() == Some(&case) {
        state.overlay.set(Overlay::Prediction);
    }
}

/// The end of a task.
fn ended(state: State, stopped: bool, failure: Option<String>) {
    let task = state.work.read_untracked().task;
    state.work.update(|work| {
        work.phase = match (&failure, stopped) {
            (Some(_), _) => Phase::Failed,
            (None, true) => Phase::Stopped,
            (None, false) => Phase::Done,
        };
        work.remaining_seconds = 0.0;
        work.compiling = false;
        if failure.is_some() || task == Some(Task::Rehearse) {
            work.words = String::new();
        }
    });
    if let Some(sentence) = failure {
        state.say(sentence);
    }
    if task == Some(Task::Predict) {
        finish_prediction(state);
    }
}

/// Tidies the table, and shows the first result if the case in view has none.
fn finish_prediction(state: State) {
    unfinish(state);
    let done = state.case_ids(|case| case.result.done().is_some());
    state.work.update(|work| {
        work.words = format!("{} segmented", words::count(done.len(), "case", "cases"));
    });
    let viewed = state.viewed.get_untracked();
    if let Some(first) = done
        .first()
        .filter(|_| !viewed.is_some_and(|id| done.contains(&id)))
    {
        state.look_at(first);
    }
}

/// Cases that were being segmented are not any more.
fn unfinish(state: State) {
    state.cases.update(|cases| {
        for case in cases
            .iter_mut()
            .filter(|case| case.result == CaseResult::Running)
        {
            case.result = CaseResult::None;
        }
    });
}

/// The worker died. Files and finished results are the page's own, so they are still here.
fn died(state: State, reason: &str) {
    if *state.engine.read_untracked() == Engine::Dead {
        return;
    }
    state.engine.set(Engine::Dead);
    state.reading.set(None);
    state.work.update(|work| work.phase = Phase::Failed);
    unfinish(state);
    state.say(format!(
        "The computation broke down ({reason}). Your files and finished results are still here: press Restart, \
         and choose a smaller network or patch if it happens again."
    ));
}
