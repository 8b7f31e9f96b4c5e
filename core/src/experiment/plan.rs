//! What an experiment's TOML file says, and the cells that follow from it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::backbone::Backbone;
use crate::dataset::{Case, LabelSet, Preset};
use crate::infer::PredictConfig;
use crate::metric::{Evaluation, Protocol, Region, Targets};
use crate::train::{TrainConfig, TrainingSet, merge, overlay};
use crate::{Error, Result};

/// An experiment: every row is trained on every list with every seed, and measured on one list.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Heading of the table.
    pub title: String,
    /// The data set, where it is one with known labels, lists and settings.
    pub preset: Option<Preset>,
    /// Lists to train on: names from `lists`, lists of the preset, or `FILE:LIST` with the file's path from the data
    /// folder.
    pub train: Vec<String>,
    /// List to measure on, named likewise.
    pub evaluate: String,
    /// Seeds that every row is trained with.
    #[serde(default = "seed_zero")]
    pub seeds: Vec<u64>,
    /// Ids of the labels that are reported; by default all that occur.
    #[serde(default)]
    pub labels: Vec<u16>,
    /// What is reported in place of labels: several labels as one.
    #[serde(default)]
    pub regions: Vec<Region>,
    /// Lists of case names that the experiment brings along.
    #[serde(default)]
    pub lists: BTreeMap<String, Vec<String>>,
    /// How results are measured.
    #[serde(default)]
    pub protocol: Protocol,
    /// Training settings of every row, over those of the preset, or over the defaults of
    /// [`TrainConfig`].
    #[serde(default)]
    pub base: toml::Table,
    /// The rows of the table.
    #[serde(rename = "row")]
    pub rows: Vec<Row>,
}

fn seed_zero() -> Vec<u64> {
    vec![0]
}

/// One row of an experiment's table.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Row {
    /// Its name, unique in the experiment.
    pub name: String,
    /// The row that this one is tested against, case by case.
    pub against: Option<String>,
    /// Trains this many times the iterations: what one iteration of the row that it stands beside
    /// costs, in iterations of this one, makes the two rows equal in time.
    pub equal_time: Option<f64>,
    /// Whether cases are segmented eight times, mirrored.
    #[serde(default)]
    pub flips: bool,
    /// Whether only the largest connected component of every label is kept.
    #[serde(default)]
    pub largest_component: bool,
    /// Training settings, over those of `base`: any field of [`TrainConfig`].
    #[serde(flatten)]
    pub settings: toml::Table,
}

/// Where an experiment's cases come from.
pub trait Source {
    /// What can go wrong beside this crate's own errors.
    type Error: From<Error>;

    /// Names of the cases of a list that the experiment does not bring along.
    ///
    /// # Errors
    /// When there is no such list.
    fn list(&self, name: &str) -> Result<Vec<String>, Self::Error>;

    /// What [`Trainer::write_state`](crate::train::Trainer::write_state) left of a cell that was not
    /// finished, if anything.
    ///
    /// # Errors
    /// When it cannot be read.
    fn state(&self, cell: &Cell) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Reads a case with its label map.
    ///
    /// # Errors
    /// When it is not there, has no label map or cannot be read.
    fn read(&self, case: &str) -> Result<Case, Self::Error>;

    /// The labels that a cell learns, and its cases, prepared.
    ///
    /// # Errors
    /// When a case cannot be read, or settings or cases cannot be trained with.
    fn training(&self, cell: &Cell) -> Result<(LabelSet, TrainingSet), Self::Error> {
        let cases = cell.training.iter().map(|name| self.read(name));
        let cases = cases.collect::<Result<Vec<Case>, Self::Error>>()?;
        let labels = match &cell.learned {
            Some(labels) => labels.clone(),
            None => LabelSet::from_cases(&cases, &self.label_names()).map_err(Error::from)?,
        };
        let prepared = TrainingSet::prepare(cases, &labels, &cell.config)?;
        Ok((labels, prepared))
    }

    /// Names of labels by id, where they are known.
    fn label_names(&self) -> BTreeMap<u16, String>;
}

/// One training run of an experiment and everything that its result depends on, apart from the scans
/// and the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Name of its row.
    pub row: String,
    /// Name of the list it is trained on.
    pub list: String,
    /// All training settings, the seed included.
    pub config: TrainConfig,
    /// Cases that it is trained on.
    pub training: Vec<String>,
    /// Cases that it is measured on.
    pub evaluation: Vec<String>,
    /// The labels that it learns; those of its cases if none.
    pub learned: Option<LabelSet>,
    /// What is reported.
    pub targets: Targets,
    /// How it is measured.
    pub protocol: Protocol,
    /// How cases are segmented.
    pub predict: PredictConfig,
}

/// What a cell's run gave: the whole content of its `result.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellResult {
    /// The cell.
    pub cell: Cell,
    /// Trainable parameters.
    pub parameters: usize,
    /// Wall time of the training in seconds.
    pub seconds: f64,
    /// Dice and HD95 on the evaluation list.
    pub evaluation: Evaluation,
}

impl Experiment {
    /// Reads a TOML file, which `file` names in errors.
    ///
    /// # Errors
    /// One sentence on what is wrong with it.
    pub fn from_toml(file: &str, text: &str) -> Result<Self> {
        let bad =
            |problem: String| Error::Config(format!("{file}: {problem}; correct the experiment"));
        let experiment: Self =
            toml::from_str(text).map_err(|error| bad(error.message().trim().replace('\n', " ")))?;
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
        let names: BTreeSet<&str> = self.rows.iter().map(|row| row.name.as_str()).collect();
        let mut folders = BTreeSet::new();
        for row in &self.rows {
            if slug(&row.name).is_empty() || !folders.insert(slug(&row.name)) {
                return Err(format!(
                    "another row is called like {:?}, or it has no letters: choose other names",
                    row.name
                ));
            }
            if let Some(other) = row
                .against
                .as_ref()
                .filter(|other| !names.contains(other.as_str()))
            {
                return Err(format!(
                    "row {:?} is against {other:?}, which is no row",
                    row.name
                ));
            }
            if row
                .equal_time
                .is_some_and(|factor| !(factor > 0.0 && factor.is_finite()))
            {
                return Err(format!("equal_time of row {:?} is not above 0", row.name));
            }
            for field in ["seed", "iterations"] {
                let seed = field == "seed";
                if row.settings.contains_key(field) && (seed || row.equal_time.is_some()) {
                    return Err(format!(
                        "row {:?} sets {field}, which {} decides",
                        row.name,
                        if seed { "seeds" } else { "equal_time" }
                    ));
                }
            }
        }
        Ok(())
    }

    /// All cells: row by row, list by list, seed by seed.
    ///
    /// # Errors
    /// When settings of a row cannot work, or there is no such list.
    pub fn cells<S: Source>(&self, source: &S) -> Result<Vec<Cell>, S::Error> {
        let evaluation = self.list(&self.evaluate, source)?;
        let mut cells = Vec::new();
        for row in &self.rows {
            for name in &self.train {
                let training = self.list(name, source)?;
                if let Some(case) = training.iter().find(|case| evaluation.contains(case)) {
                    return Err(Error::Config(format!(
                        "the case {case} is in the list {name:?} to train on and in {:?} to measure on; take it out of one",
                        self.evaluate
                    ))
                    .into());
                }
                let cell = self.cell(row, name, training, evaluation.clone())?;
                cells.extend(self.seeds.iter().map(|&seed| {
                    let mut cell = cell.clone();
                    cell.config.seed = seed;
                    cell
                }));
            }
        }
        Ok(cells)
    }

    /// A row's cell on one list, for any seed.
    fn cell(
        &self,
        row: &Row,
        list: &str,
        training: Vec<String>,
        evaluation: Vec<String>,
    ) -> Result<Cell> {
        let (config, learned, reported) = self.settings(row, training.len())?;
        let chosen = Targets {
            labels: self.labels.clone(),
            regions: self.regions.clone(),
        };
        Ok(Cell {
            row: row.name.clone(),
            list: list.to_owned(),
            training,
            evaluation,
            learned,
            targets: if chosen.is_empty() { reported } else { chosen },
            protocol: self.protocol,
            predict: PredictConfig {
                overlap: config.overlap,
                blend: config.blend,
                flips: row.flips,
                largest_component: row.largest_component,
                ..PredictConfig::default()
            },
            config,
        })
    }

    fn list<S: Source>(&self, name: &str, source: &S) -> Result<Vec<String>, S::Error> {
        match self.lists.get(name) {
            Some(cases) => Ok(cases.clone()),
            None => source.list(name),
        }
    }

    /// Training settings of a row for so many cases, and what the preset says to learn and to report.
    fn settings(
        &self,
        row: &Row,
        cases: usize,
    ) -> Result<(TrainConfig, Option<LabelSet>, Targets)> {
        let bad = |problem: String| {
            Error::Config(format!(
                "row {:?}: {problem}; correct the experiment",
                row.name
            ))
        };
        let layers = [self.base.clone(), row.settings.clone()];
        let (mut config, learned, reported) = match self.preset {
            None => Default::default(),
            Some(preset) => {
                let settings = preset.published(backbone(&layers).map_err(bad)?, cases)?;
                let settings = settings.ok_or_else(|| {
                    bad(format!("the settings of {preset} come from its cases: leave the preset out and give them in [base]"))
                })?;
                let reported = Targets::of_preset(&settings);
                (settings.config, settings.labels, reported)
            }
        };
        let mut given = toml::Table::new();
        for layer in layers {
            merge(&mut given, layer);
        }
        if self.preset.is_some() {
            // The preset has the form of it that fits the data set.
            given.remove("backbone");
        }
        config = overlay(&config, given).map_err(bad)?;
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

/// The backbone that the last of several layers of settings names; UNETR by default.
fn backbone(layers: &[toml::Table]) -> Result<Backbone, String> {
    let named = layers.iter().rev().find_map(|layer| layer.get("backbone"));
    match named.map(|name| name.as_str().unwrap_or_default()) {
        Some(name) => name.parse(),
        None => Ok(Backbone::Unetr),
    }
}

impl Cell {
    /// Path of its run folder from the experiment's, such as `unetr-medcontext/fewshot5/seed-0`.
    pub fn folder(&self) -> String {
        let list = self.list.rsplit(':').next().unwrap_or(&self.list);
        format!(
            "{}/{}/seed-{}",
            slug(&self.row),
            slug(list),
            self.config.seed
        )
    }
}

/// A name as part of a path: lower-case letters and digits, with dashes between.
fn slug(name: &str) -> String {
    let parts: Vec<String> = name
        .split(|letter: char| !letter.is_alphanumeric() && letter != '.')
        .filter(|part| !part.is_empty())
        .map(str::to_lowercase)
        .collect();
    parts.join("-").trim_matches('.').to_owned()
}
