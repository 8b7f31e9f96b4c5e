//! An earlier session.

use leptos::prelude::*;

use crate::saved::Saved;

/// The page's state of it.
#[derive(Clone, Copy, Default)]
pub struct SessionStore {
    /// One that can be restored.
    pub found: RwSignal<Option<Box<Saved>>>,
}
