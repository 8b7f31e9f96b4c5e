//! Where the settings of a training run come from, and whether they match those of a resumed run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::arguments::Arguments;
use crate::Error;
use crate::backbone::Backbone;
use crate::cli::console::Console;
use crate::cli::files::read;
use crate::cli::measured::measured;
use crate::cli::{Failure, Outcome};
use crate::dataset::{CaseFingerprint, LabelSet};
use crate::device::ComputeDevice;
use crate::medcontext::MedContext;
use crate::plan::{self, Budget, Infeasible, Memory, TrainingPlan};
use crate::train::{self, RunState, TrainConfig};
use crate::transform::Crop;
use crate::weights::Metadata;

/// The file of a run's folder that holds its state.
pub(in crate::cli) const STATE: &str = "state.safetensors";

/// What the settings of a run follow from.
pub(in crate::cli) struct Facts<'a> {
    /// The training cases.
    pub cases: &'a [CaseFingerprint],
    /// Names of labels by id, where known.
    pub names: &'a BTreeMap<u16, String>,
    /// Where the run computes.
    pub device: &'a ComputeDevice,
    /// The settings of the run that is resumed, if there is one.
    pub resumed: Option<&'a TrainConfig>,
    /// The content of the weights file to start from.
    pub start: Option<&'a [u8]>,
}

/// Settings that others are put over: those of the resumed run, those of the preset and its labels, or planned ones.
fn base(
    arguments: &Arguments,
    facts: &Facts,
    options: &Options,
    console: &Console,
) -> Result<(TrainConfig, Option<LabelSet>), Failure> {
    if let Some(preset) = arguments.preset {
        let backbone = arguments.backbone.unwrap_or(Backbone::Unetr);
        let settings = preset.settings(backbone, facts.cases).map_err(Error::from)?;
        return Ok((settings.config, settings.labels));
    }
    if let Some(config) = facts.resumed {
        return Ok((config.clone(), None));
    }
    if !facts.cases.iter().any(|case| case.labeled) {
        console.say("no scan has labels, so nothing is planned: patch and voxels are those that the scans have");
        let sizes: Vec<[usize; 3]> = facts.cases.iter().map(|case| case.size).collect();
        return Ok((TrainConfig::suggest(&sizes), None));
    }
    let plan = planned(arguments, facts, options, console)?;
    let of_scans = |setting: &str| setting.starts_with("preprocessing.") || setting.ends_with("mirror_axes");
    let shown = |setting| !arguments.pretraining || of_scans(setting);
    for decision in plan.decisions.iter().filter(|decision| shown(decision.setting)) {
        console.say(decision.to_string());
    }
    let mut config = options.of_start(plan.config);
    match options.start {
        Some(_) => console.say(format!(
            "network, patch, voxels, intensities and mirroring are those of the weights to start from; learning rate: \
             {}, so that what they learned stays",
            config.learning_rate
        )),
        // Weights that do not say how they were trained have something to unlearn too.
        None if facts.start.is_some() => config.learning_rate = TrainConfig::default().learning_rate,
        None => {
            let network = options.over(&config)?.network;
            plan::set_learning_rate(&mut config, plan::learning_rate(network.backbone()));
        }
    }
    Ok((config, None))
}

/// Settings planned for the cases and the minutes there are. Where the number of iterations is not given, it follows
/// from measured steps.
fn planned(
    arguments: &Arguments,
    facts: &Facts,
    options: &Options,
    console: &Console,
) -> Result<TrainingPlan, Failure> {
    let labels = LabelSet::from_fingerprints(facts.cases, facts.names).map_err(Error::from)?;
    let budget = Budget {
        minutes: arguments.budget_minutes.unwrap_or(Budget::DEFAULT.minutes),
        // Weights bring their own network and voxels.
        single_stage: arguments.single_stage || options.start.is_some(),
        ..Budget::of(&facts.device.kind)
    };
    // Each computes a batch of every step.
    let devices = arguments.device.len().max(1);
    let shared = |mut plan: TrainingPlan| {
        plan.config.accumulation = devices;
        if let Some(first) = &mut plan.config.coarse {
            first.accumulation = devices;
        }
        plan
    };
    let iterations_given = arguments.iterations.is_some() || options.given.has("iterations");
    if iterations_given && arguments.budget_minutes.is_none() {
        let plan = TrainingPlan::new(facts.cases, &labels, &budget).map_err(Error::from)?;
        return Ok(shared(plan));
    }
    console.say(format!(
        "measuring how long a step takes on {}",
        facts.device.description
    ));
    let device = &facts.device.device;
    let plan = measured(facts.cases, &labels, budget, device, |config| {
        let mut config = options.over(&options.of_start(config.clone()))?.resolved();
        // What one of them computes of a step.
        config.accumulation = config.accumulation.div_ceil(devices);
        Ok(config)
    });
    plan.map(shared)
}

/// Planned settings, or those of the preset or of the resumed run, then the method's, then the configuration file, then
/// the command line, with everything that depends on the length of the run resolved; and the preset's labels, if it has
/// any.
pub(in crate::cli) fn configure(
    arguments: &Arguments,
    facts: &Facts,
    console: &Console,
) -> Result<(TrainConfig, Option<LabelSet>), Failure> {
    let options = Options::read(arguments, facts.start)?;
    let (base, labels) = base(arguments, facts, &options, console)?;
    let config = options.over(&base)?;
    if let Some(method) = arguments.medcontext {
        options
            .given
            .warn_of_method(&method.settings(), &config.medcontext, console)?;
    }
    for warning in config.warnings() {
        console.warn(warning);
    }
    // Presets are published for machines of their own, and a resumed run has been running.
    if arguments.preset.is_none() && facts.resumed.is_none() {
        let memory = Memory::of(&facts.device.kind);
        let memory = Memory {
            cases: memory.cases.filter(|_| arguments.cache.is_none()),
            ..memory
        };
        plan::check(&config, facts.cases, memory)
            .map_err(|infeasible| Failure::Message(with_remedy(&config, &infeasible)))?;
    }
    Ok((config.resolved(), labels))
}

/// Settings that memory has no room for, with what a user can do.
pub(in crate::cli) fn with_remedy(config: &TrainConfig, infeasible: &Infeasible) -> String {
    let remedy = match infeasible.nearest.preprocessing == config.preprocessing {
        true => "give it with --patch, --size or in the file of --config",
        false => "set preprocessing.spacing in the file of --config, or leave the cases on disk with --cache FOLDER",
    };
    format!("{infeasible}; {remedy}")
}

/// What a user sets: the method, the configuration file and the command line, in the order in which they count.
struct Options<'a> {
    arguments: &'a Arguments,
    given: Given,
    /// What weights to start from were trained with, if they say.
    start: Option<Metadata>,
}

impl<'a> Options<'a> {
    fn read(arguments: &'a Arguments, start: Option<&[u8]>) -> Result<Self, Failure> {
        let mut given = match &arguments.config {
            Some(path) => Given::read(path)?,
            None => Given::default(),
        };
        if arguments.backbone.is_some() || arguments.size.is_some() {
            // A network named on the command line replaces the file's numbers.
            given.table.remove("network");
        }
        Ok(Self {
            arguments,
            given,
            // What is wrong with them is said when they are loaded.
            start: start.and_then(|bytes| Metadata::read(bytes).ok()),
        })
    }

    /// Planned settings with those of the weights to start from, if there are any.
    fn of_start(&self, config: TrainConfig) -> TrainConfig {
        match &self.start {
            Some(start) => plan::continued(config, start),
            None => config,
        }
    }

    /// `base` with what the user set.
    fn over(&self, base: &TrainConfig) -> Result<TrainConfig, Failure> {
        let Self { arguments, given, .. } = self;
        let mut config = base.clone();
        if let Some(method) = arguments.medcontext {
            config.medcontext = method.settings();
        }
        let enabled = config.medcontext.enabled;
        let suggested_patch = config.patch;
        config = given.over(&config)?;
        if arguments.medcontext.is_some() {
            config.medcontext.enabled = enabled;
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
        set(&mut config.unlabeled_share, arguments.unlabeled_share);
        config.new_head |= arguments.new_head;
        if arguments.single_stage {
            config = TrainingPlan::single_stage(config);
        } else if !given.has("coarse") && !matches!(config.preprocessing.crop, Crop::Labels { .. }) {
            // A file's own preprocessing is that of a single network.
            config.coarse = None;
        }
        Ok(plan::shared_by_stages(config, self.changed())?)
    }

    /// Names of the settings that the user gave.
    fn changed(&self) -> Vec<&str> {
        let Self { arguments, given, .. } = self;
        let options = [
            ("backbone", arguments.backbone.is_some()),
            ("size", arguments.size.is_some()),
            ("batch_size", arguments.batch_size.is_some()),
            ("accumulation", arguments.accumulation.is_some()),
            ("learning_rate", arguments.learning_rate.is_some()),
            ("medcontext", arguments.medcontext.is_some()),
        ];
        let options = options.into_iter().filter(|(_, set)| *set).map(|(name, _)| name);
        // A file that has a first stage of its own says all about it.
        let file = given.table.keys().map(String::as_str).filter(|_| !given.has("coarse"));
        options.chain(file).collect()
    }
}

fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

/// The content of a configuration file.
#[derive(Default)]
pub(in crate::cli) struct Given {
    path: PathBuf,
    table: toml::Table,
}

impl Given {
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let bad = |problem: &str| bad_settings(path, problem);
        let text = String::from_utf8(read(path)?).map_err(|error| bad(&error.to_string()))?;
        Ok(Self {
            path: path.to_owned(),
            table: train::parse_toml(&text).map_err(|problem| bad(&problem))?,
        })
    }

    pub fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    /// The text of a setting in a table of the file, such as `[pretraining]`.
    pub fn text(&self, table: &str, name: &str) -> Option<&str> {
        self.table.get(table)?.get(name)?.as_str()
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

/// The state of the run that is resumed, and the file that holds it.
pub(in crate::cli) struct Resumed {
    pub state: RunState,
    pub bytes: Vec<u8>,
}

impl Resumed {
    /// The state in the folder of a run, if there is one.
    pub fn find(out: &Path) -> Result<Option<Self>, Failure> {
        let path = out.join(STATE);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = read(&path)?;
        let unusable = |error| Failure::Message(format!("{}: the weights {error}", path.display()));
        let state = RunState::read(&bytes).map_err(unusable)?;
        Ok(Some(Self { state, bytes }))
    }

    /// Refuses settings that differ from those of the run in this folder.
    pub fn check(&self, out: &Path, config: &TrainConfig) -> Outcome {
        let changed = differences(&self.state.config, config)?;
        if !changed.is_empty() {
            return Err(Failure::Message(format!(
                "{} was trained with another {}; give the same settings, or add --force to continue with the new ones",
                out.display(),
                changed.join(", ")
            )));
        }
        Ok(())
    }
}

/// The settings that the file of a run's folder holds.
pub(in crate::cli) fn read_config(path: &Path) -> Result<TrainConfig, Failure> {
    Given::read(path)?.over(&TrainConfig::default())
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
