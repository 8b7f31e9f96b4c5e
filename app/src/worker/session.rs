//! What the worker holds between two requests.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use futures::lock::Mutex;
use gloo_timers::future::TimeoutFuture;
use gloo_worker::{HandlerId, WorkerScope};
use medcontext_core::dataset::DatasetJson;
use medcontext_core::device::{self, ComputeDevice, DeviceKind};
use medcontext_core::weights::{Metadata, sha256};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, DedicatedWorkerGlobalScope};

use super::cases::Entry;
use super::error::{Error, Result};
use super::kept::keep_new;
use super::reading::{Shelf, check_new};
use super::storage::{NoStorage, Storage};
use super::{Compute, adapter, cases, choices, files, label, predict, restore, show, train};
use crate::message::{
    CasesRequest, Device, DisplayRequest, ExportRequest, Library, Report, Request, SessionReport,
    SessionRequest, TaskReport, TrainingRequest, WeightsInfo, WeightsReport, Wish, WorkerReport,
    WorkerRequest,
};
use crate::saved::names;

/// A task that waits looks this often whether it may go on.
const PAUSE_MS: u32 = 50;

/// The way back to the page, and the page's wish to stop or to wait.
#[derive(Clone)]
pub struct Reporter {
    scope: WorkerScope<Compute>,
    page: HandlerId,
    stop: Rc<Cell<bool>>,
    pause: Rc<Cell<bool>>,
}

impl Reporter {
    /// A reporter to the page that connected as `page`.
    pub fn new(scope: WorkerScope<Compute>, page: HandlerId) -> Self {
        Self {
            scope,
            page,
            stop: Rc::default(),
            pause: Rc::default(),
        }
    }

    /// Sends a report.
    pub fn send(&self, report: impl Into<Report>) {
        self.scope.respond(self.page, report.into());
    }

    /// Asks the running task to end, or lets the next one run.
    pub fn set_stop(&self, stop: bool) {
        self.stop.set(stop);
        self.pause.set(false);
    }

    /// Asks the running task to wait, or to go on.
    pub fn set_pause(&self, pause: bool) {
        self.pause.set(pause);
    }

    /// Tells the page why before the worker ends: after a panic (a lost device) or an exception that
    /// nobody caught (no memory), nothing in it can be relied on.
    pub fn report_death(&self) {
        thread_local! {
            // A panic hook has to be `Send`; this thread's reporter is not, and there is only this thread.
            static REPORTER: RefCell<Option<Reporter>> = const { RefCell::new(None) };
        }
        REPORTER.set(Some(self.clone()));
        std::panic::set_hook(Box::new(|panic| {
            console_error_panic_hook::hook(panic);
            let reason = panic
                .payload_as_str()
                .and_then(|text| text.lines().next())
                .unwrap_or("an internal error");
            REPORTER.with_borrow(|reporter| {
                if let Some(reporter) = reporter {
                    reporter.die(reason);
                }
            });
        }));
        let reporter = self.clone();
        let uncaught = Closure::<dyn Fn()>::new(move || {
            reporter.die("the browser ended it, perhaps for lack of memory");
        });
        for event in ["error", "unhandledrejection"] {
            // Refused only for listeners that are no functions.
            let _ = worker_scope()
                .add_event_listener_with_callback(event, uncaught.as_ref().unchecked_ref());
        }
        uncaught.forget();
    }

    /// Says why, and ends the worker.
    fn die(&self, reason: &str) {
        self.send(WorkerReport::Died(reason.to_owned()));
        worker_scope().close();
    }
}

/// This thread, as the browser sees it.
pub fn worker_scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// The worker's state. Tasks share it; none holds a borrow over an `await`.
pub struct Session {
    /// The way to the page.
    pub reporter: Reporter,
    /// The compute device.
    pub device: ComputeDevice,
    /// What the session is made of.
    library: RefCell<Library>,
    /// Whether the page does not know of a change in it.
    library_changed: Cell<bool>,
    /// Whether volumes are being put into the browser's storage.
    pub keeping: Cell<bool>,
    /// What the newest dataset.json says.
    pub json: RefCell<Option<DatasetJson>>,
    /// The cases, by id.
    pub cases: RefCell<BTreeMap<String, Entry>>,
    /// The case in view.
    pub viewed: RefCell<Option<String>>,
    /// Volumes that were read lately.
    pub shelf: RefCell<Shelf>,
    /// Held while a case is read.
    pub reads: Mutex<()>,
    /// Whether cases are being read for the first time.
    pub checking: Cell<bool>,
    /// Where the session is kept.
    pub storage: Option<Storage>,
    weights: RefCell<Option<Rc<[u8]>>>,
    mentioned: RefCell<BTreeSet<String>>,
    busy: Cell<bool>,
}

impl Session {
    /// Opens the compute device: WebGPU, or the CPU where there is none or where it is wished for.
    ///
    /// # Errors
    /// When not even the CPU can be used.
    pub async fn open(reporter: Reporter, wish: Wish) -> Result<Rc<Self>> {
        let gpu = match wish {
            Wish::Gpu => device::open(DeviceKind::Wgpu).await.ok(),
            Wish::Cpu => None,
        };
        let device = match gpu {
            Some(device) => device,
            None => device::open(DeviceKind::Cpu).await?,
        };
        let storage = match Storage::open().await {
            Ok(storage) => Some(storage),
            Err(NoStorage::NotOffered) => None,
            Err(NoStorage::InUse) => {
                let error = Error::OtherTab;
                reporter.send(WorkerReport::Problem(error.to_string()));
                None
            }
        };
        let session = Rc::new(Self {
            reporter,
            device,
            storage,
            library: RefCell::default(),
            library_changed: Cell::new(false),
            keeping: Cell::new(false),
            json: RefCell::default(),
            cases: RefCell::default(),
            viewed: RefCell::default(),
            shelf: RefCell::default(),
            reads: Mutex::new(()),
            checking: Cell::new(false),
            weights: RefCell::default(),
            mentioned: RefCell::default(),
            busy: Cell::new(false),
        });
        match restore::found(&session).await {
            Ok(None) => {}
            Ok(Some(saved)) => session.reporter.send(SessionReport::Found(Box::new(saved))),
            Err(error) => session.mention(Err(error)),
        }
        session
            .reporter
            .send(WorkerReport::Ready(match session.device.kind {
                DeviceKind::Cpu => Device::Cpu {
                    reason: (wish == Wish::Gpu).then(|| adapter::why_none().to_owned()),
                },
                _ => Device::WebGpu {
                    name: adapter::name()
                        .await
                        .unwrap_or_else(|| session.device.description.clone()),
                    largest_tensor: session.device.largest_tensor.unwrap_or(u64::MAX),
                },
            }));
        Ok(session)
    }

    /// Does what the page asks for. Training and prediction go on after this returns.
    pub async fn handle(self: &Rc<Self>, request: Request) {
        let done = match request {
            Request::Worker(request) => self.handle_worker(request).await,
            Request::Cases(request) => self.handle_cases(request).await,
            Request::Training(request) => self.handle_training(request),
            Request::Segmentation(request) => {
                let session = Rc::clone(self);
                self.run(async move { predict::predict(&session, request).await })
            }
            // Done without waiting for its turn here.
            Request::Task(_) => Ok(()),
            Request::Display(request) => self.handle_display(request).await,
            Request::Export(request) => match request {
                ExportRequest::Surfaces { case, segmentation } => {
                    show::surfaces(self, &case, &segmentation.0).await
                }
                ExportRequest::Archive { files, session } => {
                    restore::pack(self, files, session).await
                }
            },
            Request::Session(request) => match request {
                SessionRequest::Remember(saved) => restore::remember(self, &saved).await,
                SessionRequest::Restore => restore::restore_kept(self).await,
                SessionRequest::Forget => restore::forget(self).await,
            },
        };
        self.mention(done);
        self.tell_library();
        self.reporter.send(WorkerReport::Handled);
        check_new(self);
        keep_new(self);
    }

    async fn handle_worker(self: &Rc<Self>, request: WorkerRequest) -> Result<()> {
        match request {
            WorkerRequest::Resume(library) => restore::resume(self, *library).await,
            WorkerRequest::Settle => {
                self.reporter.send(WorkerReport::Settled);
                Ok(())
            }
            // Done before anything else, or without waiting for their turn here.
            WorkerRequest::Open(_) | WorkerRequest::Close => Ok(()),
        }
    }

    async fn handle_cases(self: &Rc<Self>, request: CasesRequest) -> Result<()> {
        match request {
            CasesRequest::Add(uploads) => files::add(self, uploads).await,
            CasesRequest::AddSamples => files::add_samples(self).await,
            CasesRequest::Remove { case } => cases::remove(self, &case).await,
            CasesRequest::Discard => cases::discard(self).await,
            CasesRequest::Pair { case, label } => choices::pair(self, case, label).await,
            CasesRequest::UseFrames { case, frames } => {
                choices::use_frames(self, &case, frames).await
            }
            CasesRequest::CombineStructures => choices::combine(self).await,
            CasesRequest::Mend { case, fix } => label::mend(self, &case, fix).await,
            CasesRequest::Label {
                case,
                drawing,
                names,
            } => label::take(self, &case, &drawing.0, &names).await,
        }
    }

    fn handle_training(self: &Rc<Self>, request: TrainingRequest) -> Result<()> {
        let session = Rc::clone(self);
        match request {
            TrainingRequest::Train {
                config,
                cases,
                validation,
                from_weights,
                viewed,
            } => {
                *self.viewed.borrow_mut() = viewed;
                self.run(async move {
                    train::train(&session, *config, &cases, &validation, from_weights).await
                })
            }
            TrainingRequest::Rehearse { config, cases } => {
                self.run(async move { train::rehearse(&session, *config, &cases).await })
            }
            TrainingRequest::Resume { validation, viewed } => {
                *self.viewed.borrow_mut() = viewed;
                self.run(async move { train::go_on(&session, &validation).await })
            }
        }
    }

    async fn handle_display(self: &Rc<Self>, request: DisplayRequest) -> Result<()> {
        match request {
            DisplayRequest::Case { case } => show::view(self, &case).await,
            DisplayRequest::Segmentation {
                case,
                number,
                labels,
                uncertainty,
            } => show::display(self, case, number, labels, uncertainty).await,
            DisplayRequest::Difference { case, segmentation } => {
                show::compare(self, &case, &segmentation.0).await
            }
        }
    }

    /// What the session is made of.
    pub fn library(&self) -> Ref<'_, Library> {
        self.library.borrow()
    }

    /// The same, to be changed: the page is told afterwards.
    pub fn library_mut(&self) -> RefMut<'_, Library> {
        self.library_changed.set(true);
        self.library.borrow_mut()
    }

    /// Tells the page what the session is made of, if that has changed.
    pub fn tell_library(&self) {
        if self.library_changed.replace(false) {
            let library = Box::new(self.library().clone());
            self.reporter.send(WorkerReport::Library(library));
        }
    }

    /// Tells the page what went wrong, if something did.
    pub fn mention(&self, outcome: Result<()>) {
        if let Err(error) = outcome {
            self.reporter.send(WorkerReport::Problem(error.to_string()));
        }
    }

    /// Tells the page a sentence that it has not been told before.
    pub fn mention_once(&self, sentence: String) {
        if self.mentioned.borrow_mut().insert(sentence.clone()) {
            self.reporter.send(WorkerReport::Problem(sentence));
        }
    }

    /// A file that was taken in, by its path.
    pub fn file(&self, path: &str) -> Result<Blob> {
        let file = self.library().files.get(path).cloned();
        let file = file.ok_or_else(|| Error::NoCase(path.to_owned()))?;
        Ok(file.0)
    }

    /// Names of labels, as far as a dataset.json or the label maps give them.
    pub fn label_names(&self) -> BTreeMap<u16, String> {
        let mut names = self.declared_names();
        for entry in self.cases.borrow().values() {
            for (id, name) in &entry.names {
                names.entry(*id).or_insert_with(|| name.clone());
            }
        }
        names
    }

    /// Names of labels, as far as a dataset.json gives them.
    pub fn declared_names(&self) -> BTreeMap<u16, String> {
        let json = self.json.borrow();
        json.as_ref()
            .map_or_else(BTreeMap::new, |json| json.names.clone())
    }

    /// The weights file at hand.
    pub fn weights(&self) -> Result<Rc<[u8]>> {
        self.weights.borrow().clone().ok_or(Error::NoWeights)
    }

    /// Runs a long task beside the request loop. The page offers none while one runs.
    fn run(self: &Rc<Self>, task: impl Future<Output = Result<()>> + 'static) -> Result<()> {
        if self.busy.replace(true) {
            return Err(Error::Busy);
        }
        let session = Rc::clone(self);
        spawn_local(async move {
            let outcome = task.await;
            session.busy.set(false);
            session.reporter.send(TaskReport::Ended {
                stopped: session.stopping(),
                failure: outcome.err().map(|error| error.to_string()),
            });
        });
        Ok(())
    }

    /// Whether the page wants the running task to end.
    pub fn stopping(&self) -> bool {
        self.reporter.stop.get()
    }

    /// Lets the browser deliver messages, and waits for as long as the page wants that.
    pub async fn wait_while_paused(&self) {
        breathe().await;
        while self.reporter.pause.get() && !self.stopping() {
            breathe_for(PAUSE_MS).await;
        }
    }

    /// Takes weights as those at hand and tells the page.
    pub async fn keep_weights(&self, bytes: Vec<u8>, metadata: &Metadata) -> Result<()> {
        let file = files::blob(&bytes)?;
        self.keep(names::WEIGHTS, &file.0).await;
        let info = describe(metadata, &bytes);
        *self.weights.borrow_mut() = Some(bytes.into());
        self.reporter.send(WeightsReport { info, file });
        Ok(())
    }
}

/// Weights in words.
fn describe(metadata: &Metadata, file: &[u8]) -> WeightsInfo {
    let Metadata {
        network,
        patch: [depth, height, width],
        labels,
        training,
        ..
    } = metadata;
    let backbone = network.backbone();
    let names: Vec<&str> = labels.names().iter().skip(1).map(String::as_str).collect();
    let hash = sha256(file);
    let with = if training.medcontext {
        "with"
    } else {
        "without"
    };
    WeightsInfo {
        summary: format!(
            "{}, patch {depth} × {height} × {width}, for {}: {} iterations {with} MedContext{}",
            backbone.title(),
            names.join(", "),
            training.iterations,
            training
                .validation_dice
                .map_or(String::new(), |dice| format!(
                    ", Dice {dice:.3} on held-out cases"
                )),
        ),
        file_name: format!("medcontext-{backbone}-{}.safetensors", training.iterations),
        card: metadata.card(&hash),
        sha256: hash,
    }
}

/// Lets the browser deliver messages, which it does only between two tasks.
pub async fn breathe() {
    breathe_for(0).await;
}

/// Waits, in milliseconds.
pub async fn breathe_for(milliseconds: u32) {
    TimeoutFuture::new(milliseconds).await;
}
