//! What the page's address asks for: `?sample`, `?model=NAME`, `?device=cpu`, `?logits`, `?cases`, `?test`.

use leptos::prelude::window;

/// The value of a question in the address, empty where it is asked without one.
pub fn asked(name: &str) -> Option<String> {
    let search = window().location().search().unwrap_or_default();
    search.trim_start_matches('?').split('&').find_map(|part| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        (key == name).then(|| value.to_owned())
    })
}

/// Whether a test looks on: it reads the values of curves and counters from the page, which nobody else needs.
pub fn testing() -> bool {
    asked("test").is_some()
}
