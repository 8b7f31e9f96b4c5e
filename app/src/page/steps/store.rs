//! Which step is visible. The address holds it, so that a reload returns to it.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::step::Step;
use crate::page::address;

/// The page's state of the steps.
#[derive(Clone, Copy)]
pub struct StepsStore {
    current: RwSignal<Step>,
}

impl StepsStore {
    /// The step that the address names, else the first.
    pub fn open() -> Self {
        let step = Step::of_id(&address::fragment()).unwrap_or_default();
        Self {
            current: RwSignal::new(step),
        }
    }

    /// The visible step.
    pub fn current(&self) -> Step {
        self.current.get()
    }

    /// Shows a step.
    pub fn go(&self, step: Step) {
        address::set_fragment(step.id());
        if self.current.get_untracked() != step {
            self.current.set(step);
        }
    }

    /// Shows a step, and moves the focus to its tab.
    pub fn go_to_tab(&self, step: Step) {
        self.go(step);
        if let Some(tab) = element(&step.tab()) {
            // An element that cannot have the focus leaves it where it is.
            let _ = tab.focus();
        }
    }

    /// Shows the step whose panel holds the element of this id.
    pub fn go_to_holder(&self, id: &str) {
        let panel = element(id).and_then(|element| element.closest("[role=tabpanel]").ok().flatten());
        if let Some(step) = panel.and_then(|panel| Step::of_id(&panel.id())) {
            self.go(step);
        }
    }

    /// Shows the field of this id: its step, what it is folded into, and the focus on it.
    pub fn go_to_field(&self, id: &'static str) {
        self.go_to_holder(id);
        // After the browser's layout: what is hidden takes no focus.
        request_animation_frame(move || {
            let Some(field) = element(id) else { return };
            if let Ok(Some(folded)) = field.closest("details:not([open])") {
                // It only fails for names that no attribute can have.
                let _ = folded.set_attribute("open", "");
            }
            let _ = field.focus();
        });
    }
}

fn element(id: &str) -> Option<HtmlElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}
