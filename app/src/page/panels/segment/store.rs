//! Results of segmentations that are not in the table.

use std::collections::BTreeMap;

use leptos::prelude::*;
use web_sys::Blob;

/// The files that a segmented case can be saved as.
#[derive(Clone)]
pub struct ResultFiles {
    /// The label map, `.nii.gz`.
    pub labels: Blob,
    /// The uncertainty map, `.nii.gz`.
    pub uncertainty: Option<Blob>,
    /// The logits, `.safetensors`, if requested.
    pub logits: Option<Blob>,
}

/// The page's state of them.
#[derive(Clone, Copy, Default)]
pub struct SegmentStore {
    /// Files of the segmented cases, by case.
    pub files: RwSignal<BTreeMap<String, ResultFiles>, LocalStorage>,
}
