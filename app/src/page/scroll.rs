//! Scrolling to new content.

use leptos::html::ElementType;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, ScrollIntoViewOptions, ScrollLogicalPosition};

/// Scrolls the panels if necessary, so that new content is visible.
pub fn bring_into_view<E>(node: NodeRef<E>)
where
    E: ElementType<Output: AsRef<Element> + Clone + JsCast> + 'static,
{
    // After the browser's layout.
    request_animation_frame(move || {
        if let Some(element) = node.get_untracked() {
            let options = ScrollIntoViewOptions::new();
            options.set_block(ScrollLogicalPosition::Nearest);
            let element: &Element = element.as_ref();
            element.scroll_into_view_with_scroll_into_view_options(&options);
        }
    });
}
