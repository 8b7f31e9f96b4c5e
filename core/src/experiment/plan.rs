//! An experiment's TOML file, and the cells that follow from it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Deserialize;

use super::cell::CellPretraining;
use super::row::RowPretraining;
use super::{Cell, Row, Source, row};
use crate::backbone::Backbone;
use crate::dataset::{CaseFingerprint, LabelSet};
use crate::infer::{Inference, PredictConfig};
use crate::medcontext::MedContext;
use crate::metric::{Protocol, Region, Targets};
use crate::plan::{Budget, TrainingPlan, shared_by_stages};
use crate::preset::Preset;
use crate::pretrain::Pretraining;
use crate::train::{TrainConfig, merge, overlay, parse_toml};
use crate::{Error, Result};

/// An experiment: every row is trained on every list with every seed, and evaluated on one list.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Heading of the table.
    pub title: String,
    /// The data set, if it is one with known labels, lists and settings.
    pub preset: Option<Preset>,
    /// Minutes of one CPU thread that settings are [planned](crate::plan::TrainingPlan) for, from the cases of each
    /// list to train on; rows override them. A row that gives no iterations gets those that cost as much, whatever its
    /// network and method.
    pub budget_minutes: Option<f64>,
    /// Lists to train on: names from `lists`, lists of the preset, or `FILE:LIST` with the file's path from the data
    /// folder.
    pub train: Vec<String>,
    /// List to evaluate on, named the same way.
    pub evaluate: String,
    /// List to validate on while training, named the same way: the weights with the highest Dice on it are evaluated,
    /// in place of the last.
    pub validate: Option<String>,
    /// Seeds that every row is trained with.
    #[serde(default = "seed_zero")]
    pub seeds: Vec<u64>,
    /// Ids of the labels that are reported; by default all that occur.
    #[serde(default)]
    pub labels: Vec<u16>,
    /// Regions (several labels as one) that are reported in place of labels.
    #[serde(default)]
    pub regions: Vec<Region>,
    /// Lists of case names that the experiment itself defines.
    #[serde(default)]
    pub lists: BTreeMap<String, Vec<String>>,
    /// How results are measured.
    #[serde(default)]
    pub protocol: Protocol,
    /// Training settings of every row, overriding those of the preset or the defaults of [`TrainConfig`].
    #[serde(default)]
    pub base: toml::Table,
    /// The rows of the table.
    #[serde(rename = "row")]
    pub rows: Vec<Row>,
    /// Training settings that override those of every row; not part of an experiment's file, see
    /// [`Experiment::overridden`].
    #[serde(skip)]
    pub overrides: toml::Table,
}

fn seed_zero() -> Vec<u64> {
    vec![0]
}

impl Experiment {
    /// Reads a TOML file; `file` is its name in errors.
    ///
    /// # Errors
    /// One sentence on what is wrong with it.
    pub fn from_toml(file: &str, text: &str) -> Result<Self> {
        let bad = |problem: String| Error::Config(format!("{file}: {problem}; correct the experiment"));
        let experiment: Self = parse_toml(text).map_err(bad)?;
        experiment.check().map_err(bad)?;
        Ok(experiment)
    }

    fn check(&self) -> Result<(), String> {
        for (what, empty) in [
            ("train", self.train.is_empty()),
            ("seeds", self.seeds.is_empty()),
            ("row", self.rows.is_empty()),
        ] {
            if empty {
                return Err(format!("{what} is empty: give at least one"));
            }
        }
        if self.preset.is_some() && self.budget_minutes.is_some() {
            return Err("there are both a preset and budget_minutes: settings are published or planned".to_owned());
        }
        if !self.labels.is_empty() && !self.regions.is_empty() {
            return Err("there are both labels and regions: give one".to_owned());
        }
        row::check(&self.rows, (self.protocol, &self.targets()))
    }

    /// What rows report by default.
    fn targets(&self) -> Targets {
        Targets {
            labels: self.labels.clone(),
            regions: self.regions.clone(),
        }
    }

    /// The experiment with every row's settings overridden, to try it out or to fit it to a machine: a TOML file with
    /// any field of [`TrainConfig`] but `backbone` and `seed`, and with `seeds`. A patch becomes the largest within it
    /// that each row's network can take, a batch at least the smallest of SimCLR; `equal_time` multiplies the given
    /// iterations. The table lists the overrides. `file` is the file's name in errors.
    ///
    /// # Errors
    /// One sentence on what is wrong with it. Invalid settings are reported by [`Self::cells`].
    pub fn overridden(mut self, file: &str, text: &str) -> Result<Self> {
        let bad = |problem: String| Error::Config(format!("{file}: {problem}; correct it"));
        let mut table: toml::Table = parse_toml(text).map_err(bad)?;
        for (field, whose) in [("backbone", "each row"), ("seed", "seeds")] {
            if table.contains_key(field) {
                return Err(bad(format!("it sets {field}, which {whose} decides")));
            }
        }
        if let Some(seeds) = table.remove("seeds") {
            let seeds: Vec<u64> = seeds
                .try_into()
                .map_err(|_| bad("seeds is not a list of whole numbers".to_owned()))?;
            self.seeds = seeds;
        }
        self.overrides = table;
        self.check().map_err(bad)?;
        Ok(self)
    }

    /// All cells: row by row, list by list, seed by seed.
    ///
    /// # Errors
    /// When a row's settings are invalid, or a list does not exist.
    pub fn cells<S: Source>(&self, source: &S) -> Result<Vec<Cell>, S::Error> {
        let evaluation = self.list(&self.evaluate, source)?;
        let validation = self.validate.as_ref().map(|name| self.list(name, source));
        let validation = validation.transpose()?.unwrap_or_default();
        let (mut cells, mut plans) = (Vec::new(), BTreeMap::new());
        for row in &self.rows {
            for name in &self.train {
                let training = self.list(name, source)?;
                self.check_apart(name, &training, &evaluation)?;
                if let Some(list) = &self.validate {
                    self.check_apart(list, &validation, &evaluation)?;
                    apart((name, &training, "train"), (list, &validation, "validate"))?;
                }
                let plan = match plans.entry(name) {
                    Entry::Occupied(plan) => plan.into_mut(),
                    Entry::Vacant(entry) => entry.insert(self.plan(&training, source)?),
                };
                let mut cell = self.cell(row, name, plan.as_ref(), training, evaluation.clone())?;
                cell.validation.clone_from(&validation);
                if let Some(pretraining) = &row.pretrain {
                    let cases = self.list(&pretraining.list, source)?;
                    self.check_apart(&pretraining.list, &cases, &evaluation)?;
                    cell.pretraining = Some(Box::new(self.pretraining(row, pretraining, &cell.config, cases)?));
                }
                cells.extend(self.seeds.iter().map(|&seed| {
                    let mut cell = cell.clone();
                    cell.config.seed = seed;
                    if let Some(pretraining) = &mut cell.pretraining {
                        pretraining.config.seed = seed;
                    }
                    cell
                }));
            }
        }
        Ok(cells)
    }

    /// Refuses cases of a list to learn from, or to validate on, that are measured too.
    fn check_apart(&self, name: &str, cases: &[String], evaluation: &[String]) -> Result<()> {
        apart((name, cases, "train"), (&self.evaluate, evaluation, "measure"))
    }

    /// The pretraining of a row whose training has the settings `config`.
    fn pretraining(
        &self,
        row: &Row,
        pretraining: &RowPretraining,
        config: &TrainConfig,
        cases: Vec<String>,
    ) -> Result<CellPretraining> {
        let bad = |problem: String| {
            Error::Config(format!(
                "pretraining of row {:?}: {problem}; correct the experiment",
                row.name
            ))
        };
        let mut base = TrainConfig {
            medcontext: MedContext::off(),
            inference: None,
            unlabeled_share: 0.0,
            warmup: None,
            ..config.clone()
        };
        base.pretraining = Some(Pretraining::default());
        let mut config = base;
        for layer in [&pretraining.settings, &self.overrides] {
            config = overlay(&config, layer.clone()).map_err(bad)?;
        }
        if self.overrides.contains_key("patch") {
            config.fit_patch();
        }
        if self.overrides.contains_key("batch_size") && pretraining.method.has_pairs() {
            config.batch_size = config
                .batch_size
                .next_multiple_of(2)
                .max(pretraining.method.fewest_patches());
        }
        config.medcontext = MedContext::off();
        config.pretraining = config.pretraining.map(|settings| Pretraining {
            method: pretraining.method,
            ..settings
        });
        let config = config.resolved();
        config
            .check(&config.resolved_network())
            .map_err(|error| bad(error.to_string()))?;
        Ok(CellPretraining { config, cases })
    }

    /// The plan for the cases of a list, where there are minutes to plan for.
    fn plan<S: Source>(&self, training: &[String], source: &S) -> Result<Option<Planned>, S::Error> {
        let Some(minutes) = self.budget_minutes else {
            return Ok(None);
        };
        let budget = Budget {
            minutes,
            ..Budget::DEFAULT
        };
        let read = training.iter().map(|case| Ok(CaseFingerprint::of(&source.read(case)?)));
        let cases = read.collect::<Result<Vec<CaseFingerprint>, S::Error>>()?;
        let labels = LabelSet::from_fingerprints(&cases, &source.label_names()).map_err(Error::from)?;
        let plan = TrainingPlan::new(&cases, &labels, &budget).map_err(Error::from)?;
        Ok(Some(Planned {
            plan,
            budget,
            channels: cases.first().map_or(1, |case| case.channels),
            outputs: labels.outputs(),
        }))
    }

    /// A row's cell on one list, for any seed.
    fn cell(
        &self,
        row: &Row,
        list: &str,
        plan: Option<&Planned>,
        training: Vec<String>,
        evaluation: Vec<String>,
    ) -> Result<Cell> {
        let (config, learned, reported) = self.settings(row, plan, training.len())?;
        let chosen = row.targets(&self.targets());
        Ok(Cell {
            row: row.name.clone(),
            list: list.to_owned(),
            training,
            evaluation,
            learned,
            targets: if chosen.is_empty() { reported } else { chosen },
            protocol: row.protocol(self.protocol),
            predict: PredictConfig {
                inference: inference(row, &config),
                ..PredictConfig::default()
            },
            config,
            start: row.start.clone(),
            pretraining: None,
            validation: Vec::new(),
        })
    }

    fn list<S: Source>(&self, name: &str, source: &S) -> Result<Vec<String>, S::Error> {
        match self.lists.get(name) {
            Some(cases) => Ok(cases.clone()),
            None => source.list(name),
        }
    }

    /// Training settings of a row for this many cases, and what the preset learns and reports.
    fn settings(
        &self,
        row: &Row,
        plan: Option<&Planned>,
        cases: usize,
    ) -> Result<(TrainConfig, Option<LabelSet>, Targets)> {
        let bad = |problem: String| Error::Config(format!("row {:?}: {problem}; correct the experiment", row.name));
        let layers = [&self.base, &row.settings, &self.overrides].map(Clone::clone);
        let (mut config, learned, reported) = match self.preset {
            None => {
                let planned = plan.map(|planned| planned.plan.config.clone());
                (planned.unwrap_or_default(), None, Targets::default())
            }
            Some(preset) => {
                let settings = preset.published(backbone(&layers).map_err(bad)?, cases)?;
                let settings = settings.ok_or_else(|| {
                    bad(format!(
                        "the settings of {preset} come from its cases: leave the preset out and give them in [base]"
                    ))
                })?;
                let reported = settings.targets();
                (settings.config, settings.labels, reported)
            }
        };
        let mut given = toml::Table::new();
        for layer in layers {
            merge(&mut given, layer);
        }
        if self.preset.is_some() {
            // The preset has the variant that fits the data set.
            given.remove("backbone");
        }
        let iterations_given = given.contains_key("iterations");
        config = overlay(&config, given.clone()).map_err(bad)?;
        if !given.contains_key("coarse") {
            config = shared_by_stages(config, given.keys().map(String::as_str))?;
        }
        if self.overrides.contains_key("patch") || plan.is_some() {
            // One patch for networks with different rules.
            config.fit_patch();
        }
        if let Some(planned) = plan.filter(|_| !iterations_given) {
            config.set_iterations(planned.iterations(&config));
        }
        if let Some(factor) = row.equal_time {
            config.iterations = (config.iterations as f64 * factor).round() as usize;
        }
        let config = config.resolved();
        config
            .check(&config.resolved_network())
            .map_err(|error| bad(error.to_string()))?;
        Ok((config, learned, reported))
    }
}

/// Refuses two lists that share a case; each has a name, its cases, and what they are for.
fn apart(
    (name, cases, purpose): (&str, &[String], &str),
    (other, others, use_of): (&str, &[String], &str),
) -> Result<()> {
    let Some(case) = cases.iter().find(|case| others.contains(case)) else {
        return Ok(());
    };
    Err(Error::Config(format!(
        "the case {case} is in the list {name:?} to {purpose} on and in {other:?} to {use_of} on; take it out of one"
    )))
}

/// The plan for a list's cases, and what the length of a run follows from.
struct Planned {
    plan: TrainingPlan,
    budget: Budget,
    channels: usize,
    outputs: usize,
}

impl Planned {
    /// Iterations with other settings that take as long.
    fn iterations(&self, config: &TrainConfig) -> usize {
        let seconds = self.budget.step_seconds(config, self.channels, self.outputs);
        self.budget.steps_left(config, seconds, self.channels, self.outputs)
    }
}

/// How a row's cases are segmented: by the settings that its weights are to hold, else as in validation; with what the
/// row turns on.
fn inference(row: &Row, config: &TrainConfig) -> Inference {
    let mut settings = config.inference_settings();
    settings.mirror |= row.mirror;
    settings.post_processing.largest_component |= row.largest_component;
    settings
}

/// The backbone that the last of several layers of settings names; UNETR by default.
fn backbone(layers: &[toml::Table]) -> Result<Backbone, String> {
    let named = layers.iter().rev().find_map(|layer| layer.get("backbone"));
    match named.map(|name| name.as_str().unwrap_or_default()) {
        Some(name) => name.parse(),
        None => Ok(Backbone::Unetr),
    }
}
