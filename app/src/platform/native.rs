//! Replaces the browser in tests: files in memory, a storage that lasts as long as its thread, and cooperative tasks.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::Poll;
use std::time::{SystemTime, UNIX_EPOCH};

use futures::executor::{LocalPool, LocalSpawner};
use futures::task::LocalSpawnExt;
use medcontext_core::pool::Worker;
use serde::{Deserialize, Serialize};

use super::NoStorage;

/// A file in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Blob(Vec<u8>);

/// A dropped file.
pub type File = Blob;

/// A file inside a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handle<T>(pub T);

/// A file's bytes.
///
/// # Errors
/// Never, here.
pub async fn read(file: &Blob) -> Result<Vec<u8>, String> {
    Ok(file.0.clone())
}

/// A file's first bytes, so many at most.
///
/// # Errors
/// Never, here.
pub async fn read_start(file: &Blob, bytes: usize) -> Result<Vec<u8>, String> {
    Ok(file.0[..bytes.min(file.0.len())].to_vec())
}

/// Bytes as a file.
///
/// # Errors
/// Never, here.
pub fn blob(bytes: &[u8]) -> Result<Blob, String> {
    Ok(Blob(bytes.into()))
}

/// The same, as if it had been dropped under this name.
///
/// # Errors
/// Never, here.
pub fn file(bytes: &[u8], _: &str) -> Result<File, String> {
    blob(bytes)
}

/// A dropped file as a blob.
pub fn as_blob(file: File) -> Blob {
    file
}

thread_local! {
    static STORED: RefCell<BTreeMap<String, Blob>> = const { RefCell::new(BTreeMap::new()) };
    static TASKS: RefCell<Option<LocalSpawner>> = const { RefCell::new(None) };
}

/// Files by name, shared by all sessions of this thread.
pub struct Storage;

impl Storage {
    /// Opens it.
    ///
    /// # Errors
    /// Never, here.
    pub async fn open() -> Result<Self, NoStorage> {
        Ok(Self)
    }

    /// Writes a file.
    ///
    /// # Errors
    /// Never, here.
    pub async fn write(&self, name: &str, content: &Blob) -> Result<(), String> {
        STORED.with_borrow_mut(|files| files.insert(name.to_owned(), content.clone()));
        Ok(())
    }

    /// A file, if it is there.
    ///
    /// # Errors
    /// Never, here.
    pub async fn read(&self, name: &str) -> Result<Option<Blob>, String> {
        Ok(STORED.with_borrow(|files| files.get(name).cloned()))
    }

    /// The names of all files.
    ///
    /// # Errors
    /// Never, here.
    pub async fn names(&self) -> Result<Vec<String>, String> {
        Ok(STORED.with_borrow(|files| files.keys().cloned().collect()))
    }

    /// Removes a file, if it is there.
    pub async fn remove(&self, name: &str) {
        STORED.with_borrow_mut(|files| files.remove(name));
    }

    /// Removes every file.
    ///
    /// # Errors
    /// Never, here.
    pub async fn clear(&self) -> Result<(), String> {
        STORED.with_borrow_mut(BTreeMap::clear);
        Ok(())
    }
}

/// Runs a future and the tasks that it starts on this thread, until no task can make progress.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    let mut pool = LocalPool::new();
    TASKS.set(Some(pool.spawner()));
    let result = pool.run_until(future);
    pool.run_until_stalled();
    TASKS.set(None);
    result
}

/// Starts another task.
pub fn spawn_local(task: impl Future<Output = ()> + 'static) {
    TASKS.with_borrow(|tasks| {
        if let Some(spawner) = tasks {
            // Only refused by a dropped pool, and then nothing waits for the task.
            drop(spawner.spawn_local(task));
        }
    });
}

/// Yields to other tasks; does not actually wait.
pub async fn sleep(_: u32) {
    let mut waited = false;
    futures::future::poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The time, in milliseconds since 1970.
pub fn now() -> f64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    elapsed.map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

/// Logical cores.
pub fn cores() -> usize {
    1
}

/// Memory of the machine in GiB.
pub fn memory_gib() -> Option<f64> {
    None
}

/// Further threads: none, here.
pub async fn start_threads(_: usize) -> Vec<Rc<dyn Worker>> {
    Vec::new()
}

/// The GPU's name.
pub async fn gpu_name() -> Option<String> {
    None
}

/// Why the CPU is used.
pub fn why_no_gpu() -> &'static str {
    "it was not asked for"
}
