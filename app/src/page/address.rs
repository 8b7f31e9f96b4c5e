//! Parameters of the page's address: `?sample`, `?model=NAME`, `?device=cpu`, `?threads=NUMBER`, `?speed=NUMBER`,
//! `?logits`, `?cases`, `?test`; and its fragment, the step.

use leptos::prelude::window;
use wasm_bindgen::JsValue;

/// The value of a query parameter; empty if it has none.
pub fn asked(name: &str) -> Option<String> {
    let search = window().location().search().unwrap_or_default();
    search.trim_start_matches('?').split('&').find_map(|part| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        (key == name).then(|| value.to_owned())
    })
}

/// Whether a test is running: it reads values of curves and counters from the page that nobody else needs.
pub fn testing() -> bool {
    asked("test").is_some()
}

/// What comes after `#`, without it.
pub fn fragment() -> String {
    let hash = window().location().hash().unwrap_or_default();
    hash.trim_start_matches('#').to_owned()
}

/// Changes what comes after `#`, without an entry in the browser's history.
pub fn set_fragment(fragment: &str) {
    if let Ok(history) = window().history() {
        // Browsers refuse only another origin, and too many changes at once: then the address stays as it is.
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&format!("#{fragment}")));
    }
}
