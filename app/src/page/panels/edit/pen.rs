//! The pen and its settings.

use std::collections::BTreeMap;
use std::rc::Rc;

use leptos::prelude::*;

use crate::page::state::State;
use crate::page::viewer::{Changes, Label, Viewer};

/// Labels in a drawing take one byte.
pub const LARGEST_LABEL: u16 = 255;

/// The viewer, once it is open.
pub type Screen = RwSignal<Option<Rc<Viewer>>, LocalStorage>;

/// The pen's state.
#[derive(Clone, Copy)]
pub struct Pen {
    /// The viewer that it draws in.
    pub viewer: Screen,
    /// What dragging over a slice does.
    pub tool: RwSignal<&'static str>,
    /// The label that it draws.
    pub label: RwSignal<u16>,
    /// Its width in voxels.
    pub size: RwSignal<u32>,
    /// What can be undone and redone.
    pub changes: RwSignal<Changes>,
    /// Labels added here, by id.
    pub added: RwSignal<BTreeMap<u16, String>>,
}

impl Pen {
    /// Labels that can be drawn: known and added ones.
    pub fn labels(&self, state: State) -> Vec<Label> {
        let mut labels = state.labels.get();
        labels.retain(|label| label.id <= LARGEST_LABEL);
        let known: Vec<u16> = labels.iter().map(|label| label.id).collect();
        let added = self.added.get();
        let added = added.into_iter().filter(|(id, _)| !known.contains(id));
        labels.extend(added.map(|(id, name)| Label {
            id,
            name,
            visible: true,
        }));
        labels
    }

    /// Applies `act` to the viewer, if there is one.
    pub fn with<T>(&self, act: impl FnOnce(&Viewer) -> T) -> Option<T> {
        self.viewer.get_untracked().map(|viewer| act(&viewer))
    }
}
