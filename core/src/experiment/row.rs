//! The rows of an experiment's table.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::cell::slug;
use crate::metric::{EmptyPolicy, Hausdorff, Protocol, Region, Targets};
use crate::pretrain::Method;

/// One row of an experiment's table.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Row {
    /// Its name, unique in the experiment.
    pub name: String,
    /// The row that this one is tested against, case by case.
    pub against: Option<String>,
    /// Multiplies the iterations. Set to the cost of one iteration of the compared row, in iterations of this row, it
    /// makes the two rows equal in time.
    pub equal_time: Option<f64>,
    /// Whether cases are segmented with mirror TTA.
    #[serde(default, alias = "flips")]
    pub mirror: bool,
    /// Whether only the largest connected component of every label is kept.
    #[serde(default)]
    pub largest_component: bool,
    /// How its results are measured, where this differs from the experiment.
    #[serde(default)]
    pub protocol: RowProtocol,
    /// Ids of the labels that are reported, instead of the experiment's.
    #[serde(default)]
    pub labels: Vec<u16>,
    /// Regions that are reported, instead of the experiment's.
    #[serde(default)]
    pub regions: Vec<Region>,
    /// Weights that every cell starts from: a file, by its path from the experiment's. Where they are an encoder's, the
    /// decoder is new.
    pub start: Option<String>,
    /// Self-supervised pretraining that every cell begins with.
    pub pretrain: Option<RowPretraining>,
    /// Training settings, over those of `base`: any field of [`TrainConfig`](crate::train::TrainConfig).
    #[serde(flatten)]
    pub settings: toml::Table,
}

/// The pretraining of a row's encoder, on other cases.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RowPretraining {
    /// List of the cases to learn from, whose labels are not used.
    pub list: String,
    /// The method.
    #[serde(default)]
    pub method: Method,
    /// Settings that differ from those of the row's training, such as `iterations`, `batch_size` and `pretraining`.
    #[serde(flatten)]
    pub settings: toml::Table,
}

/// How a row is measured differently from its experiment, so that one table can hold results of several released test
/// scripts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RowProtocol {
    /// The form of HD95.
    pub hd95: Option<Hausdorff>,
    /// What empty masks count as in means.
    pub empty: Option<EmptyPolicy>,
    /// Tolerance of surface Dice in mm.
    pub tolerance_mm: Option<f64>,
}

impl Row {
    /// How the row is measured, in an experiment with the protocol `shared`.
    pub fn protocol(&self, shared: Protocol) -> Protocol {
        Protocol {
            hd95: self.protocol.hd95.unwrap_or(shared.hd95),
            empty: self.protocol.empty.unwrap_or(shared.empty),
            tolerance_mm: self.protocol.tolerance_mm.unwrap_or(shared.tolerance_mm),
        }
    }

    /// What the row reports, in an experiment that reports `shared`; empty if neither says.
    pub fn targets(&self, shared: &Targets) -> Targets {
        let own = Targets {
            labels: self.labels.clone(),
            regions: self.regions.clone(),
        };
        if own.is_empty() { shared.clone() } else { own }
    }
}

/// What is wrong with the rows of an experiment that measures and reports by `shared`.
pub(super) fn check(rows: &[Row], (protocol, targets): (Protocol, &Targets)) -> Result<(), String> {
    let names: BTreeMap<&str, &Row> = rows.iter().map(|row| (row.name.as_str(), row)).collect();
    let mut folders = BTreeSet::new();
    for row in rows {
        let name = &row.name;
        if slug(name).is_empty() || !folders.insert(slug(name)) {
            return Err(format!(
                "another row is called like {name:?}, or it has no letters: choose other names"
            ));
        }
        if !row.labels.is_empty() && !row.regions.is_empty() {
            return Err(format!("row {name:?} has both labels and regions: give one"));
        }
        if let Some(against) = &row.against {
            let Some(other) = names.get(against.as_str()) else {
                return Err(format!("row {name:?} is against {against:?}, which is not a row"));
            };
            let measured = |row: &Row| (row.protocol(protocol), row.targets(targets));
            if measured(row) != measured(other) {
                return Err(format!(
                    "row {name:?} is against {against:?}, which is measured otherwise: give both the same protocol, \
                     labels and regions"
                ));
            }
        }
        if let Some(problem) = row.protocol(protocol).problem() {
            return Err(format!("row {name:?}: {problem}"));
        }
        if row.start.is_some() && row.pretrain.is_some() {
            return Err(format!("row {name:?} has both start and pretrain: give one"));
        }
        check_time(row)?;
    }
    Ok(())
}

fn check_time(row: &Row) -> Result<(), String> {
    let name = &row.name;
    if row
        .equal_time
        .is_some_and(|factor| !(factor > 0.0 && factor.is_finite()))
    {
        return Err(format!("equal_time of row {name:?} is not above 0"));
    }
    if row.settings.contains_key("seed") {
        return Err(format!("row {name:?} sets seed, which seeds decides"));
    }
    if row.equal_time.is_some() && row.settings.contains_key("iterations") {
        return Err(format!("row {name:?} sets iterations, which equal_time decides"));
    }
    Ok(())
}
