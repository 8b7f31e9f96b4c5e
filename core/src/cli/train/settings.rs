//! Where the settings of a training run come from, and whether they are those of the run that goes on.

use std::collections::BTreeSet;
use std::path::Path;

use clap::ValueEnum;

use super::Arguments;
use crate::Error;
use crate::backbone::Backbone;
use crate::cli::Failure;
use crate::cli::files::read;
use crate::dataset::{LabelSet, Outline};
use crate::medcontext::MedContext;
use crate::train::{self, RunState, TrainConfig};

/// The file of a run's folder that holds its state.
pub(in crate::cli) const STATE: &str = "state.safetensors";

/// Published settings of the method.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Method {
    /// The paper's settings.
    Paper,
    /// The paper's, with a teacher that suits the length of the run.
    Fitted,
    /// The released code's for UNETR.
    ReleasedUnetr,
    /// The released code's for nnFormer.
    ReleasedNnformer,
    /// Without MedContext.
    Off,
}

/// Suggested settings or those of the preset, then the configuration file, then the command line; and
/// the labels where the preset knows them.
pub(super) fn configure(
    arguments: &Arguments,
    training: &[Outline],
) -> Result<(TrainConfig, Option<LabelSet>), Failure> {
    let (mut config, labels) = match arguments.preset {
        None => (TrainConfig::suggest(&Outline::sizes(training)), None),
        Some(preset) => {
            let backbone = arguments.backbone.unwrap_or(Backbone::Unetr);
            let settings = preset.settings(backbone, training).map_err(Error::from)?;
            (settings.config, settings.labels)
        }
    };
    let suggested = config.patch;
    if let Some(path) = &arguments.config {
        config = overlay(&config, path)?;
    }
    set(&mut config.patch, arguments.patch);
    if arguments.backbone.is_some() || arguments.size.is_some() {
        config.network = None;
    }
    if arguments.preset.is_none() {
        set(&mut config.backbone, arguments.backbone);
    }
    set(&mut config.size, arguments.size);
    if arguments.patch.is_none() && config.patch == suggested {
        config.fit_patch();
    }
    set(&mut config.iterations, arguments.iterations);
    set(&mut config.batch_size, arguments.batch_size);
    set(&mut config.accumulation, arguments.accumulation);
    set(&mut config.learning_rate, arguments.learning_rate);
    set(&mut config.seed, arguments.seed);
    config.new_head |= arguments.new_head;
    match arguments.medcontext {
        Some(Method::Off) => config.medcontext.enabled = false,
        Some(Method::Paper) => config.medcontext = MedContext::paper(),
        Some(Method::Fitted) => config.medcontext = MedContext::paper().fitted(config.iterations),
        Some(Method::ReleasedUnetr) => config.medcontext = MedContext::released_unetr(),
        Some(Method::ReleasedNnformer) => config.medcontext = MedContext::released_nnformer(),
        None => {}
    }
    Ok((config, labels))
}

fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

/// `config` with the values that a TOML file gives.
fn overlay(config: &TrainConfig, path: &Path) -> Result<TrainConfig, Failure> {
    let bad = |problem: String| {
        Failure::Message(format!(
            "{}: {problem}; correct the settings",
            path.display()
        ))
    };
    let text = String::from_utf8(read(path)?).map_err(|error| bad(error.to_string()))?;
    let given: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| bad(error.message().to_owned()))?;
    train::overlay(config, given).map_err(bad)
}

/// Steps and state of the run in the output folder, whose settings have to be these unless forced.
pub(super) fn find_state(
    arguments: &Arguments,
    config: &TrainConfig,
) -> Result<Option<(usize, Vec<u8>)>, Failure> {
    let path = arguments.out.join(STATE);
    if !path.exists() {
        return Ok(None);
    }
    let bytes = read(&path)?;
    let unusable = |error| Failure::Message(format!("{}: the weights {error}", path.display()));
    let old = RunState::read(&bytes).map_err(unusable)?;
    let changed = differences(&old.config, config)?;
    if !changed.is_empty() && !arguments.force {
        return Err(Failure::Message(format!(
            "{} was trained with another {}; give the same settings, or add --force to go on with the new ones",
            arguments.out.display(),
            changed.join(", ")
        )));
    }
    Ok(Some((old.iteration, bytes)))
}

/// Names of the settings that are not the same.
fn differences(old: &TrainConfig, new: &TrainConfig) -> Result<Vec<String>, Failure> {
    let table = |config| {
        let table = toml::Table::try_from(config);
        table
            .map_err(|error| Failure::Message(format!("the settings cannot be compared ({error})")))
    };
    let (old, new) = (table(old)?, table(new)?);
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    Ok(names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .cloned()
        .collect())
}
