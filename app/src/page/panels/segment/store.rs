//! What came of segmentations, beside what the table says.

use std::collections::BTreeMap;

use leptos::prelude::*;
use web_sys::Blob;

/// The files that a segmented case can be saved as.
#[derive(Clone)]
pub struct ResultFiles {
    /// The label map, `.nii.gz`.
    pub labels: Blob,
    /// How uncertain the network was, `.nii.gz`.
    pub uncertainty: Option<Blob>,
    /// The logits, `.safetensors`, where they were asked for.
    pub logits: Option<Blob>,
}

/// What the page knows of them.
#[derive(Clone, Copy, Default)]
pub struct SegmentStore {
    /// Files of the segmented cases, by case.
    pub files: RwSignal<BTreeMap<String, ResultFiles>, LocalStorage>,
}
