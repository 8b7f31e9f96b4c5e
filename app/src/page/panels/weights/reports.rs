//! What the worker says of the weights at hand.

use leptos::prelude::*;

use crate::message::WeightsReport;
use crate::page::state::State;

/// Takes the weights that the worker has.
pub fn on_report(state: State, WeightsReport { info, file }: WeightsReport) {
    state.weights.file.set_value(Some(file.0));
    state.weights.info.set(Some(info));
}
