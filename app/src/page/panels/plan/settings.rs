//! The settings of the next run: the plan's, with a person's changes over them.

use std::collections::BTreeSet;

use leptos::prelude::*;
use medcontext_core::plan::{Edits, Infeasible, Memory, check, continued};
use medcontext_core::train::TrainConfig;
use medcontext_core::weights::Metadata;

use super::store::Refused;
use crate::message::Device;
use crate::page::panels::worker::Engine;
use crate::page::state::State;
use crate::saved::SavedStoreFields;

/// Bytes of a training step above which a run will hardly work: on a GPU, and in the memory of a tab.
const GPU_BYTES: u64 = 10 << 30;
const CPU_BYTES: u64 = 7 << 29;

/// Bytes that prepared cases may take in the memory of a tab.
const CASES_BYTES: u64 = 3 << 30;

/// The settings that were changed by hand.
pub(super) fn edits(state: State) -> Edits {
    Edits {
        settings: state.saved.edited().get_untracked(),
        chosen: state.saved.config().get_untracked(),
    }
}

/// The weights that the next run starts from, if it does.
pub fn starting_weights(state: State) -> Option<Box<Metadata>> {
    let info = state.weights.info.read_untracked();
    let info = info.as_ref().filter(|_| state.train.from_weights.get_untracked());
    info.map(|info| info.metadata.clone())
}

/// Brings the settings up to date with a new plan, or with other weights to start from.
pub fn settle(state: State) {
    put_over_plan(state, edits(state));
}

/// Changes settings by hand, by their names in the configuration: plans leave these alone from now on. What cannot work
/// is refused.
pub fn change(state: State, settings: &[&str], change: impl FnOnce(&mut TrainConfig)) {
    let mut edits = edits(state);
    change(&mut edits.chosen);
    edits.settings.extend(settings.iter().map(|&name| name.to_owned()));
    let refused = feasible(state, &edits.chosen).err().map(|infeasible| {
        let names = edits.settings.iter().filter(|name| settings.contains(&name.as_str()));
        refusal(&edits.chosen, names.cloned().collect(), infeasible)
    });
    let works = refused.is_none();
    state.plan.refused.set(refused);
    if works {
        put_over_plan(state, edits);
    } else {
        // The fields show what they had before.
        state.saved.config().notify();
    }
}

/// Takes the nearest settings that work in place of those that were refused.
pub(super) fn take_nearest(state: State) {
    let Some(refused) = state.plan.refused.get_untracked() else {
        return;
    };
    let names: Vec<&str> = refused.settings.iter().map(String::as_str).collect();
    change(state, &names, |config| *config = refused.nearest);
}

/// Gives settings back to the plan.
pub fn give_back(state: State, settings: &[&str]) {
    let mut edits = edits(state);
    for setting in settings {
        edits.forget(setting);
    }
    state.plan.refused.set(None);
    put_over_plan(state, edits);
}

/// Gives all settings back to the plan.
pub(super) fn give_all_back(state: State) {
    let none = Edits {
        settings: BTreeSet::new(),
        ..edits(state)
    };
    state.plan.refused.set(None);
    put_over_plan(state, none);
}

/// Keeps all settings as they are, whatever is planned.
pub fn keep_all(state: State) {
    match Edits::all(state.saved.config().get_untracked()) {
        Ok(edits) => put_over_plan(state, edits),
        Err(error) => state.say(error.to_string()),
    }
}

fn put_over_plan(state: State, edits: Edits) {
    let plan = state.plan.plan.read_untracked();
    let planned = plan.as_ref().map(|plan| match starting_weights(state) {
        Some(weights) => continued(plan.config.clone(), &weights),
        None => plan.config.clone(),
    });
    let merged = match (&*plan, planned) {
        (Some(plan), Some(config)) => edits.over(&config, &plan.budget(), plan.channels, plan.outputs),
        _ => Ok(edits.chosen),
    };
    match merged {
        Ok(config) => {
            state.saved.edited().set(edits.settings);
            state.saved.config().set(config);
        }
        Err(error) => state.say(error.to_string()),
    }
}

/// The settings as they are trained with. Threads of the CPU take the patches of a batch one by one, and each has a
/// memory of its own, so a step takes in each of them what one patch does.
pub fn as_trained(engine: &Engine, config: &TrainConfig) -> TrainConfig {
    match engine {
        Engine::Ready(Device::WebGpu { .. }) => config.clone(),
        _ => config.clone().by_patch(),
    }
}

/// The next cheaper settings, by what they cost as they are trained with.
pub fn smaller(engine: &Engine, config: &TrainConfig) -> Option<TrainConfig> {
    let trained = as_trained(engine, config);
    Some(as_shown(trained.smaller()?, &trained, config))
}

/// Settings found for those `trained` with, with the batch that is `shown`.
fn as_shown(found: TrainConfig, trained: &TrainConfig, shown: &TrainConfig) -> TrainConfig {
    let mut found = found;
    found.coarse.clone_from(&shown.coarse);
    if trained.batch_size != shown.batch_size {
        found.batch_size = shown.batch_size;
        found.accumulation = shown.accumulation;
    }
    found
}

/// Whether the device has memory for a step, and the tab for the cases.
fn feasible(state: State, config: &TrainConfig) -> Result<(), Infeasible> {
    let engine = state.worker.engine.read_untracked();
    let bytes = match &*engine {
        Engine::Ready(Device::WebGpu { .. }) => GPU_BYTES,
        _ => CPU_BYTES,
    };
    let trained = as_trained(&engine, config);
    let step = Memory {
        cases: None,
        step: Some(bytes),
    };
    check(&trained, &[], step).map_err(|mut infeasible| {
        infeasible.nearest = Box::new(as_shown(*infeasible.nearest, &trained, config));
        infeasible
    })?;
    let plan = state.plan.plan.read_untracked();
    let cases = plan.as_ref().map_or(&[][..], |plan| plan.cases.as_slice());
    let memory = Memory {
        cases: Some(CASES_BYTES),
        step: None,
    };
    check(config, cases, memory)
}

/// What is said of a refused change. The nearest settings may differ in others than the changed ones.
fn refusal(wanted: &TrainConfig, mut settings: Vec<String>, infeasible: Infeasible) -> Refused {
    let sentence = infeasible.to_string();
    let nearest = *infeasible.nearest;
    let differs = [
        ("patch", nearest.patch != wanted.patch),
        ("batch_size", nearest.batch_size != wanted.batch_size),
        ("size", nearest.network != wanted.network),
    ];
    settings.extend(
        differs
            .iter()
            .filter(|(_, differs)| *differs)
            .map(|(name, _)| (*name).to_owned()),
    );
    Refused {
        sentence,
        nearest,
        settings,
    }
}
