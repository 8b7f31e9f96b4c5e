//! State of the viewer.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use leptos::prelude::*;
use web_sys::Blob;

use crate::page::viewer::{Layout, Readout, Viewer};

/// Which labels are drawn over the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Overlay {
    /// None.
    None,
    /// The case's own labels.
    #[default]
    Truth,
    /// The network's prediction.
    Prediction,
    /// Where the two differ.
    Difference,
    /// The uncertainty.
    Uncertainty,
}

/// A case's volumes, ready for the viewer.
#[derive(Clone)]
pub struct Picture {
    /// The case.
    pub case: String,
    /// Its image.
    pub image: Blob,
    /// The label map that came with it.
    pub truth: Option<Blob>,
}

/// The network's results for a case: label map and uncertainty.
#[derive(Clone, PartialEq)]
pub struct Displayed {
    /// The case.
    pub case: String,
    /// The label map.
    pub labels: Option<Blob>,
    /// The uncertainty.
    pub uncertainty: Option<Blob>,
}

/// The page's state of it.
#[derive(Clone, Copy, Default)]
pub struct ViewerStore {
    /// The case that the viewer shows or is about to show.
    pub viewed: RwSignal<Option<String>>,
    /// Its volumes.
    pub picture: RwSignal<Option<Picture>, LocalStorage>,
    /// The network's results for it, in the form that the viewer takes.
    pub displayed: RwSignal<Option<Displayed>, LocalStorage>,
    /// Number of the request whose answer that is.
    pub number: StoredValue<u32>,
    /// Where segmentations differ from the truth, as far as requested.
    pub differences: RwSignal<BTreeMap<String, Blob>, LocalStorage>,
    /// The case whose labels are being edited.
    pub editing: RwSignal<Option<String>>,
    /// Which labels are drawn.
    pub overlay: RwSignal<Overlay>,
    /// Labels that are not drawn.
    pub hidden: RwSignal<BTreeSet<u16>>,
    /// The crosshair's destination once the case is on screen: the case, and mm in RAS+.
    pub destination: RwSignal<Option<(String, [f64; 3])>>,
    /// What is under the crosshair.
    pub readout: RwSignal<Option<Readout>>,
}

impl ViewerStore {
    /// Closes the case, edited or not.
    pub fn close(&self) {
        self.editing.set(None);
        self.viewed.set(None);
        self.picture.set(None);
    }
}

/// State shared by the controls around the picture.
#[derive(Clone, Copy)]
pub struct Controls {
    /// The viewer, once it is open.
    pub viewer: RwSignal<Option<Rc<Viewer>>, LocalStorage>,
    /// Why nothing can be displayed.
    pub failure: RwSignal<Option<String>>,
    /// The case that is on screen.
    pub shown: RwSignal<Option<String>>,
    /// Which views of a volume are shown.
    pub layout: RwSignal<Layout>,
    /// How opaque labels are, from 0 to 1.
    pub opacity: RwSignal<f64>,
}

/// Opacity of labels at first: the image shows through.
pub const OPACITY: f64 = 0.55;

impl Controls {
    /// No viewer yet.
    pub fn new() -> Self {
        Self {
            viewer: RwSignal::new_local(None),
            failure: RwSignal::new(None),
            shown: RwSignal::new(None),
            layout: RwSignal::new(Layout::Both),
            opacity: RwSignal::new(OPACITY),
        }
    }
}
