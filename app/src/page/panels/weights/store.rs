//! The current weights.

use leptos::prelude::*;
use web_sys::Blob;

use crate::message::WeightsInfo;

/// The page's state of them.
#[derive(Clone, Copy, Default)]
pub struct WeightsStore {
    /// What they are.
    pub info: RwSignal<Option<WeightsInfo>>,
    /// The `.safetensors` file.
    pub file: StoredValue<Option<Blob>, LocalStorage>,
}
