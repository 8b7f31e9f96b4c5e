//! The page's program: starts in the browser's main thread.

fn main() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(medcontext_app::page::Page);
}
