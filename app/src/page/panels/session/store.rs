//! An earlier session.

use leptos::prelude::*;

use crate::saved::Saved;

/// What the page knows of it.
#[derive(Clone, Copy, Default)]
pub struct SessionStore {
    /// One that can be brought back.
    pub found: RwSignal<Option<Box<Saved>>>,
}
