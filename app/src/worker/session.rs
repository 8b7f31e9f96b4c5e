//! What the worker holds between two requests.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use futures::lock::Mutex;
use medcontext_core::dataset::{CaseCache, CaseFingerprint, Changes};
use medcontext_core::device::ComputeDevice;
use medcontext_core::plan::Speed;

use super::error::{Error, Result};
use super::reporter::Reporter;
use super::threads::Threads;
use crate::message::{CaseInfo, WorkerReport};
use crate::platform::Blob;
use crate::saved::{FileLibrary, SessionStore};

/// Volumes that were read lately are cached up to this size.
const CACHE_BYTES: u64 = 512 << 20;

/// The worker's state. Tasks share it; none holds a borrow over an `await`.
pub struct Session {
    /// The way to the page.
    pub reporter: Reporter,
    /// The compute device.
    pub device: ComputeDevice,
    /// Threads that may share a task; `None` on a GPU.
    pub threads: Option<Threads>,
    /// Where the session outlives its tab.
    pub stored: SessionStore,
    /// What the session is made of.
    library: RefCell<FileLibrary>,
    /// Whether the page does not know of a change in it.
    library_changed: Cell<bool>,
    /// The cases, by id.
    pub cases: RefCell<BTreeMap<String, CaseInfo>>,
    /// The case in view.
    pub viewed: RefCell<Option<String>>,
    /// Volumes that were read lately.
    pub cache: RefCell<CaseCache>,
    /// Facts of the cases that were planned with, by id.
    pub fingerprints: RefCell<BTreeMap<String, CaseFingerprint>>,
    /// How many plans were asked for.
    pub plans: Cell<u64>,
    /// Multiply-adds a second of the device, once measured.
    pub speed: Cell<Option<Speed>>,
    /// Held while a case is read.
    pub reads: Mutex<()>,
    /// Whether cases are being read for the first time.
    pub checking: Cell<bool>,
    /// Whether volumes are being put into the storage.
    pub storing: Cell<bool>,
    /// Whether a long task runs.
    pub busy: Cell<bool>,
    /// The current weights file.
    pub weights: RefCell<Option<Rc<[u8]>>>,
    mentioned: RefCell<BTreeSet<String>>,
}

impl Session {
    /// A session without files.
    pub fn new(reporter: Reporter, device: ComputeDevice, threads: Option<Threads>, stored: SessionStore) -> Self {
        Self {
            reporter,
            device,
            threads,
            stored,
            library: RefCell::default(),
            library_changed: Cell::new(false),
            cases: RefCell::default(),
            viewed: RefCell::default(),
            cache: RefCell::new(CaseCache::new(CACHE_BYTES)),
            fingerprints: RefCell::default(),
            plans: Cell::new(0),
            speed: Cell::new(None),
            reads: Mutex::new(()),
            checking: Cell::new(false),
            storing: Cell::new(false),
            busy: Cell::new(false),
            weights: RefCell::default(),
            mentioned: RefCell::default(),
        }
    }

    /// What the session is made of.
    pub fn library(&self) -> Ref<'_, FileLibrary> {
        self.library.borrow()
    }

    /// The same, to be changed: the page is told afterwards.
    pub fn library_mut(&self) -> RefMut<'_, FileLibrary> {
        self.library_changed.set(true);
        self.library.borrow_mut()
    }

    /// Pairs the files again. The library itself does not change, so the page need not be told.
    pub fn refresh_library(&self) -> Changes {
        self.library.borrow_mut().refresh()
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

    /// Forgets what was read of a case: its files have changed, or it is gone.
    pub fn forget_volumes(&self, id: &str) {
        self.cases.borrow_mut().remove(id);
        self.cache.borrow_mut().remove(id);
        self.fingerprints.borrow_mut().remove(id);
    }

    /// A file that was taken in, by its path.
    pub fn file(&self, path: &str) -> Result<Blob> {
        let file = self.library().file(path).cloned();
        let file = file.ok_or_else(|| Error::NoCase(path.to_owned()))?;
        Ok(file.0)
    }

    /// Names of labels, as far as a dataset.json or the label maps give them.
    pub fn label_names(&self) -> BTreeMap<u16, String> {
        let mut names = self.declared_names();
        let cases = self.cases.borrow();
        for contents in cases.values().filter_map(|info| info.contents.as_ref()) {
            for (id, name) in &contents.names {
                names.entry(*id).or_insert_with(|| name.clone());
            }
        }
        names
    }

    /// Names of labels, as far as a dataset.json gives them.
    pub fn declared_names(&self) -> BTreeMap<u16, String> {
        self.library().label_names()
    }

    /// The current weights file.
    pub fn weights(&self) -> Result<Rc<[u8]>> {
        self.weights.borrow().clone().ok_or(Error::NoWeights)
    }
}
