//! Reports why a worker ends early.

use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::console;

use super::worker_scope;

/// Called with the reason.
pub type Listener = Rc<dyn Fn(&str)>;

/// Writes what a panic says, and where it was, to the browser's console.
pub fn log_panic(panic: &PanicHookInfo<'_>) {
    console::error_1(&panic.to_string().into());
}

/// Tells `listener` why, and ends the worker, after a panic (a lost device) or an uncaught exception (no memory): its
/// state can no longer be relied on.
pub fn on_death(listener: Listener) {
    thread_local! {
        // A panic hook has to be `Send`; the listener is not, and there is only this thread.
        static LISTENER: RefCell<Option<Listener>> = const { RefCell::new(None) };
    }
    LISTENER.set(Some(Rc::clone(&listener)));
    std::panic::set_hook(Box::new(|panic| {
        log_panic(panic);
        let reason = panic
            .payload_as_str()
            .and_then(|text| text.lines().next())
            .unwrap_or("an internal error");
        LISTENER.with_borrow(|listener| {
            if let Some(listener) = listener {
                die(listener, reason);
            }
        });
    }));
    let uncaught = Closure::<dyn Fn()>::new(move || {
        die(&listener, "the browser ended it, perhaps for lack of memory");
    });
    for event in ["error", "messageerror", "unhandledrejection"] {
        // Fails only for listeners that are not functions.
        let _ = worker_scope().add_event_listener_with_callback(event, uncaught.as_ref().unchecked_ref());
    }
    uncaught.forget();
}

/// Reports the reason and ends the worker.
fn die(listener: &Listener, reason: &str) {
    listener(reason);
    worker_scope().close();
}
