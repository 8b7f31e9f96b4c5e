//! Where the settings of a training run come from, and whether they match those of a resumed run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::arguments::Arguments;
use crate::Error;
use crate::backbone::Backbone;
use crate::cli::console::Console;
use crate::cli::files::read;
use crate::cli::{Failure, Outcome};
use crate::dataset::{CaseFingerprint, LabelSet};
use crate::medcontext::MedContext;
use crate::plan::{Budget, TrainingPlan};
use crate::train::{self, RunState, TrainConfig};

/// The file of a run's folder that holds its state.
pub(in crate::cli) const STATE: &str = "state.safetensors";

/// Settings that suit the cases, or those of the preset and its labels.
fn suggested(
    arguments: &Arguments,
    minutes: Option<f64>,
    training: &[CaseFingerprint],
    names: &BTreeMap<u16, String>,
    console: &Console,
) -> Result<(TrainConfig, Option<LabelSet>), Failure> {
    if let Some(minutes) = minutes {
        let labels = LabelSet::from_fingerprints(training, names).map_err(Error::from)?;
        let budget = Budget {
            minutes,
            ..Budget::DEFAULT
        };
        let plan = TrainingPlan::new(training, &labels, &budget).map_err(Error::from)?;
        for decision in &plan.decisions {
            console.say(decision.to_string());
        }
        return Ok((plan.config, None));
    }
    let Some(preset) = arguments.preset else {
        let config = TrainConfig::suggest(&CaseFingerprint::sizes(training));
        return Ok((config, None));
    };
    let backbone = arguments.backbone.unwrap_or(Backbone::Unetr);
    let settings = preset.settings(backbone, training).map_err(Error::from)?;
    Ok((settings.config, settings.labels))
}

/// Suggested or planned settings or those of the preset, then the method's, then the configuration file, then the
/// command line, with everything that depends on the length of the run resolved; and the preset's labels, if it has
/// any.
///
/// `minutes` is the budget of this run alone.
pub(in crate::cli) fn configure(
    arguments: &Arguments,
    minutes: Option<f64>,
    training: &[CaseFingerprint],
    names: &BTreeMap<u16, String>,
    console: &Console,
) -> Result<(TrainConfig, Option<LabelSet>), Failure> {
    let (mut config, labels) = suggested(arguments, minutes, training, names, console)?;
    if let Some(method) = arguments.medcontext {
        config.medcontext = method.settings();
    }
    let suggested_patch = config.patch;
    let mut given = match &arguments.config {
        Some(path) => Given::read(path)?,
        None => Given::default(),
    };
    if arguments.backbone.is_some() || arguments.size.is_some() {
        // A network named on the command line replaces the file's numbers.
        given.table.remove("network");
    }
    let before = config.medcontext.clone();
    config = given.over(&config)?;
    if arguments.medcontext.is_some() {
        config.medcontext.enabled = before.enabled;
        given.warn_of_method(&before, &config.medcontext, console)?;
    }
    set(&mut config.patch, arguments.patch);
    if let Some(backbone) = arguments.backbone.filter(|_| arguments.preset.is_none()) {
        config.network = config.network.with_backbone(backbone);
    }
    if let Some(size) = arguments.size {
        config.network = config.network.with_size(size);
    }
    if arguments.patch.is_none() && config.patch == suggested_patch {
        config.fit_patch();
    }
    match arguments.iterations {
        Some(iterations) if given.has("warmup") => config.iterations = iterations,
        Some(iterations) => config.set_iterations(iterations),
        None => {}
    }
    set(&mut config.batch_size, arguments.batch_size);
    set(&mut config.accumulation, arguments.accumulation);
    set(&mut config.learning_rate, arguments.learning_rate);
    set(&mut config.seed, arguments.seed);
    config.new_head |= arguments.new_head;
    for warning in config.warnings() {
        console.warn(warning);
    }
    Ok((config.resolved(), labels))
}

fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

/// The content of a configuration file.
#[derive(Default)]
struct Given {
    path: PathBuf,
    table: toml::Table,
}

impl Given {
    fn read(path: &Path) -> Result<Self, Failure> {
        let bad = |problem: &str| bad_settings(path, problem);
        let text = String::from_utf8(read(path)?).map_err(|error| bad(&error.to_string()))?;
        let table: Result<toml::Table, toml::de::Error> = text.parse();
        Ok(Self {
            path: path.to_owned(),
            table: table.map_err(|error| bad(error.message()))?,
        })
    }

    fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    /// `config` with the values of the file.
    fn over(&self, config: &TrainConfig) -> Result<TrainConfig, Failure> {
        let over = train::overlay(config, self.table.clone());
        over.map_err(|problem| bad_settings(&self.path, &problem))
    }

    /// Warns where the file's value differs from the command line's method, since the file's value counts.
    fn warn_of_method(&self, method: &MedContext, merged: &MedContext, console: &Console) -> Outcome {
        let names = differences(method, merged)?;
        if merged.enabled && !names.is_empty() {
            console.warn(format!(
                "{}: its {} of [medcontext] {} in place of --medcontext's",
                self.path.display(),
                names.join(", "),
                if names.len() == 1 { "is used" } else { "are used" }
            ));
        }
        Ok(())
    }
}

fn bad_settings(path: &Path, problem: &str) -> Failure {
    Failure::Message(format!("{}: {problem}; correct the settings", path.display()))
}

/// Steps and state of the run in a folder, whose settings must equal these unless forced.
pub(in crate::cli) fn find_state(
    out: &Path,
    force: bool,
    config: &TrainConfig,
) -> Result<Option<(usize, Vec<u8>)>, Failure> {
    let path = out.join(STATE);
    if !path.exists() {
        return Ok(None);
    }
    let bytes = read(&path)?;
    let unusable = |error| Failure::Message(format!("{}: the weights {error}", path.display()));
    let old = RunState::read(&bytes).map_err(unusable)?;
    let changed = differences(&old.config, config)?;
    if !changed.is_empty() && !force {
        return Err(Failure::Message(format!(
            "{} was trained with another {}; give the same settings, or add --force to continue with the new ones",
            out.display(),
            changed.join(", ")
        )));
    }
    Ok(Some((old.iteration, bytes)))
}

/// Names of the settings that differ.
fn differences<T: Serialize>(old: &T, new: &T) -> Result<Vec<String>, Failure> {
    let table = |settings| {
        toml::Table::try_from(settings)
            .map_err(|error| Failure::Message(format!("the settings cannot be compared ({error}); correct them")))
    };
    let (old, new) = (table(old)?, table(new)?);
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    Ok(names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .cloned()
        .collect())
}
