//! The page's program: starts in the browser's main thread.

#[cfg(target_arch = "wasm32")]
fn main() {
    std::panic::set_hook(Box::new(medcontext_app::platform::log_panic));
    leptos::mount::mount_to_body(medcontext_app::page::Page);
}

/// There is no page outside a browser.
#[cfg(not(target_arch = "wasm32"))]
fn main() {}
