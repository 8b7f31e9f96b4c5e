//! The weights at hand.

use leptos::prelude::*;
use web_sys::Blob;

use crate::message::{WeightsInfo, WeightsReport};

/// What the page knows of them.
#[derive(Clone, Copy, Default)]
pub struct WeightsStore {
    /// What they are.
    pub info: RwSignal<Option<WeightsInfo>>,
    /// The `.safetensors` file.
    pub file: StoredValue<Option<Blob>, LocalStorage>,
}

impl WeightsStore {
    /// Takes what the worker says.
    pub fn on_report(&self, WeightsReport { info, file }: WeightsReport) {
        self.file.set_value(Some(file.0));
        self.info.set(Some(info));
    }
}
