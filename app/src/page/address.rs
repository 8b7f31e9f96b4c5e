//! Parameters of the page's address: `?sample`, `?model=NAME`, `?device=cpu`, `?logits`, `?cases`, `?test`.

use leptos::prelude::window;

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
