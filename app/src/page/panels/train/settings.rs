//! Changing the settings by hand.

use leptos::prelude::*;
use medcontext_core::train::TrainConfig;

use crate::page::state::State;
use crate::saved::SavedStoreFields;

/// Changes the settings by hand: suggestions leave them alone from now on.
pub(super) fn change(state: State, change: impl FnOnce(&mut TrainConfig)) {
    state.saved.config_touched().set(true);
    state.saved.config().update(change);
}

/// A count of at least one.
pub(super) fn whole(value: f64) -> usize {
    (value.round() as usize).max(1)
}
