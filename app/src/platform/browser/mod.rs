//! The browser.

mod death;
mod file;
mod gpu;
mod storage;
mod threads;

use gloo_timers::future::TimeoutFuture;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::DedicatedWorkerGlobalScope;

pub use death::{log_panic, on_death};
pub use file::{Blob, File, Handle, as_blob, blob, file, read, read_start};
pub use gpu::{gpu_name, why_no_gpu};
pub use storage::Storage;
pub use threads::{cores, is_thread, memory_gib, serve, start_threads};
pub use wasm_bindgen_futures::spawn_local;

/// Waits; 0 lets the browser deliver messages, which it only does between tasks.
pub async fn sleep(milliseconds: u32) {
    TimeoutFuture::new(milliseconds).await;
}

/// The time, in milliseconds since 1970.
pub fn now() -> f64 {
    js_sys::Date::now()
}

/// The global scope of this worker.
pub fn worker_scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// The message of a JavaScript exception.
fn message(reason: &JsValue) -> String {
    js_sys::Reflect::get(reason, &"message".into())
        .ok()
        .and_then(|message| message.as_string())
        .unwrap_or_else(|| format!("{reason:?}"))
}
