//! Maps each request to the function that handles it.

use std::rc::Rc;

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use medcontext_core::device::{self, DeviceKind};

use super::error::{Error, Result};
use super::persist::store_new;
use super::reading::check_new;
use super::reporter::Reporter;
use super::session::Session;
use super::threads::Threads;
use super::{cases, choices, files, folds, label, plan, predict, restore, show, train};
use crate::message::{
    CasesRequest, Compute, Device, DevicePreference, DisplayRequest, ExportRequest, PlanRequest, Request,
    SessionReport, SessionRequest, TaskReport, TaskRequest, TrainingRequest, WorkerReport, WorkerRequest,
};
use crate::platform::{NoStorage, Storage, gpu_name, spawn_local, why_no_gpu};
use crate::saved::{Saved, SessionStore};

/// Queues requests for a session, which handles them one at a time.
pub struct Inbox {
    reporter: Reporter,
    requests: UnboundedSender<Request>,
}

impl Inbox {
    /// Begins a session. The first request has to be [`WorkerRequest::Open`].
    pub fn open(reporter: Reporter) -> Self {
        let (sender, mut requests) = unbounded();
        let inbox = Self {
            reporter: reporter.clone(),
            requests: sender,
        };
        spawn_local(async move {
            let Some(Request::Worker(WorkerRequest::Open(compute))) = requests.next().await else {
                return;
            };
            match open(reporter.clone(), compute).await {
                Ok(session) => {
                    while let Some(request) = requests.next().await {
                        handle(&session, request).await;
                    }
                }
                Err(error) => reporter.send(WorkerReport::Died(error.to_string())),
            }
        });
        inbox
    }

    /// Takes a request. What concerns the running task does not wait for its turn: the session may be busy with a
    /// large file.
    pub fn receive(&self, request: Request) {
        match request {
            Request::Task(TaskRequest::Stop) => self.reporter.set_stop(true),
            Request::Task(TaskRequest::Pause(pause)) => self.reporter.set_pause(pause),
            Request::Plan(PlanRequest::Measure { .. }) | Request::Training(_) | Request::Segmentation(_) => {
                self.reporter.set_stop(false);
            }
            _ => {}
        }
        // Sending fails only when the session's loop has ended, and with it the worker.
        drop(self.requests.unbounded_send(request));
    }
}

/// Opens the compute device, WebGPU or the CPU where there is none or where it is preferred, and the storage.
async fn open(reporter: Reporter, compute: Compute) -> Result<Rc<Session>> {
    let preference = compute.device;
    let gpu = match preference {
        DevicePreference::Gpu => device::open(DeviceKind::Wgpu).await.ok(),
        DevicePreference::Cpu => None,
    };
    let device = match gpu {
        Some(device) => device,
        None => device::open(DeviceKind::Cpu).await?,
    };
    let stored = match Storage::open().await {
        Ok(storage) => Some(storage),
        Err(NoStorage::NotOffered) => None,
        Err(NoStorage::InUse) => {
            reporter.send(WorkerReport::Problem(Error::OtherTab.to_string()));
            None
        }
    };
    let threads = (device.kind == DeviceKind::Cpu).then(|| Threads::of_machine(compute.threads));
    let session = Rc::new(Session::new(reporter, device, threads, SessionStore::new(stored)));
    match Saved::find(&session.stored).await {
        Ok(None) => {}
        Ok(Some(saved)) => session.reporter.send(SessionReport::Found(Box::new(saved))),
        Err(error) => session.mention(Err(error.into())),
    }
    let device = match session.device.kind {
        DeviceKind::Cpu => Device::Cpu {
            reason: (preference == DevicePreference::Gpu).then(|| why_no_gpu().to_owned()),
            threads: threads.map_or(1, |threads| threads.count),
        },
        _ => Device::WebGpu {
            name: gpu_name().await.unwrap_or_else(|| session.device.description.clone()),
            largest_tensor: session.device.largest_tensor.unwrap_or(u64::MAX),
        },
    };
    session.reporter.send(WorkerReport::Ready(device));
    Ok(session)
}

/// Does what the page asks for. Training and prediction go on after this returns.
async fn handle(session: &Rc<Session>, request: Request) {
    let done = match request {
        Request::Worker(request) => handle_worker(session, request).await,
        Request::Cases(request) => handle_cases(session, request).await,
        Request::Plan(request) => handle_plan(session, request),
        Request::Training(request) => handle_training(session, request),
        Request::Segmentation(request) => {
            let task = Rc::clone(session);
            run(session, async move { predict::predict(&task, request).await })
        }
        // Done without waiting for its turn here.
        Request::Task(_) => Ok(()),
        Request::Display(request) => handle_display(session, request).await,
        Request::Export(ExportRequest::Surfaces { case, segmentation }) => {
            show::surfaces(session, &case, &segmentation.0).await
        }
        Request::Export(ExportRequest::Archive { files, session: saved }) => {
            restore::archive(session, files, saved).await
        }
        Request::Session(SessionRequest::Remember(saved)) => restore::remember(session, &saved).await,
        Request::Session(SessionRequest::Restore) => restore::restore_stored(session).await,
        Request::Session(SessionRequest::Forget) => restore::forget(session).await,
    };
    session.mention(done);
    session.tell_library();
    session.reporter.send(WorkerReport::Handled);
    check_new(session);
    store_new(session);
}

async fn handle_worker(session: &Session, request: WorkerRequest) -> Result<()> {
    match request {
        WorkerRequest::Resume(library) => restore::resume(session, *library).await?,
        WorkerRequest::Flush => session.reporter.send(WorkerReport::Flushed),
        // Done before anything else.
        WorkerRequest::Open(_) => {}
    }
    Ok(())
}

async fn handle_cases(session: &Session, request: CasesRequest) -> Result<()> {
    match request {
        CasesRequest::Add(uploads) => files::add(session, uploads).await?,
        CasesRequest::AddSamples => files::add_samples(session).await?,
        CasesRequest::Remove { case } => cases::remove(session, &case).await,
        CasesRequest::StopReading => cases::stop_reading(session).await?,
        CasesRequest::Discard => cases::discard(session).await,
        CasesRequest::Pair { case, label } => choices::pair(session, &case, label).await?,
        CasesRequest::UseFrames { case, frames } => {
            choices::use_frames(session, &case, frames).await?;
        }
        CasesRequest::CountLabeledSlices(axis) => choices::count_labeled_slices(session, axis).await?,
        CasesRequest::CombineStructures => choices::combine(session).await?,
        CasesRequest::Repair { case, fix } => label::repair(session, &case, fix).await?,
        CasesRequest::Label { case, drawing, names } => label::take(session, &case, &drawing.0, &names).await?,
    }
    Ok(())
}

fn handle_plan(session: &Rc<Session>, request: PlanRequest) -> Result<()> {
    match request {
        PlanRequest::Plan(task) => {
            plan::plan(session, task);
            Ok(())
        }
        PlanRequest::Measure { task, edits } => {
            let shared = Rc::clone(session);
            run(session, async move { plan::measure(&shared, task, *edits).await })
        }
    }
}

fn handle_training(session: &Rc<Session>, request: TrainingRequest) -> Result<()> {
    let task = Rc::clone(session);
    match request {
        TrainingRequest::Train {
            config,
            cases,
            validation,
            from_weights,
            viewed,
        } => {
            *session.viewed.borrow_mut() = viewed;
            run(session, async move {
                train::train(&task, *config, &cases, &validation, from_weights).await
            })
        }
        TrainingRequest::Rehearse { config, cases } => {
            run(session, async move { train::rehearse(&task, *config, &cases).await })
        }
        TrainingRequest::CrossValidate {
            config,
            cases,
            folds: count,
        } => run(session, async move {
            folds::cross_validate(&task, *config, &cases, count).await
        }),
        TrainingRequest::Resume { validation, viewed } => {
            *session.viewed.borrow_mut() = viewed;
            run(session, async move { train::resume(&task, &validation).await })
        }
    }
}

async fn handle_display(session: &Session, request: DisplayRequest) -> Result<()> {
    match request {
        DisplayRequest::Case { case } => show::view(session, &case).await,
        DisplayRequest::Segmentation {
            case,
            number,
            labels,
            uncertainty,
        } => show::display(session, case, number, labels, uncertainty).await,
        DisplayRequest::Difference { case, segmentation } => show::compare(session, &case, &segmentation.0).await,
    }
}

/// Runs a long task beside the request loop. The page offers none while one runs.
fn run(session: &Rc<Session>, task: impl Future<Output = Result<()>> + 'static) -> Result<()> {
    if session.busy.replace(true) {
        return Err(Error::Busy);
    }
    let session = Rc::clone(session);
    spawn_local(async move {
        let outcome = task.await;
        session.busy.set(false);
        session.reporter.send(TaskReport::Ended {
            stopped: session.reporter.stopping(),
            failure: outcome.err().map(|error| error.to_string()),
        });
    });
    Ok(())
}
