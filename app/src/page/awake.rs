//! Keeps the screen on, and thus the computer awake, during long tasks, in browsers that support it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::prelude::*;

use super::state::State;

#[wasm_bindgen]
extern "C" {
    type Navigator;
    #[wasm_bindgen(method, getter, js_name = wakeLock)]
    fn wake_lock(this: &Navigator) -> Option<WakeLock>;

    type WakeLock;
    #[wasm_bindgen(method, catch)]
    async fn request(this: &WakeLock, kind: &str) -> Result<JsValue, JsValue>;

    type Sentinel;
    #[wasm_bindgen(method)]
    fn release(this: &Sentinel) -> js_sys::Promise;
}

/// Holds the lock for as long as a task runs.
pub fn follow(state: State) {
    let held = StoredValue::new_local(None::<Sentinel>);
    let busy = Memo::new(move |_| state.progress.work.read().busy());
    Effect::new(move |_| {
        if !busy.get() {
            // Releasing a lock that the browser has already released changes nothing.
            held.update_value(|lock| drop(lock.take().map(|lock| lock.release())));
            return;
        }
        let navigator: Navigator = JsCast::unchecked_into(JsValue::from(window().navigator()));
        let Some(locks) = navigator.wake_lock() else {
            return;
        };
        spawn_local(async move {
            // Refused if the page is not visible, or the battery is low.
            if let Ok(lock) = locks.request("screen").await {
                held.set_value(Some(lock.unchecked_into()));
            }
        });
    });
}
