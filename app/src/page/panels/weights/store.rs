//! The current weights.

use leptos::prelude::*;
use web_sys::Blob;

use crate::message::{WeightsInfo, WeightsReport};

/// The page's state of them.
#[derive(Clone, Copy, Default)]
pub struct WeightsStore {
    /// What they are.
    pub info: RwSignal<Option<WeightsInfo>>,
    /// The `.safetensors` file.
    pub file: StoredValue<Option<Blob>, LocalStorage>,
}

impl WeightsStore {
    /// Updates the weights from a report.
    pub fn on_report(&self, WeightsReport { info, file }: WeightsReport) {
        self.file.set_value(Some(file.0));
        self.info.set(Some(info));
    }
}
