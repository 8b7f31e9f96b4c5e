//! The table of an experiment: means over seeds, and paired tests between rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CellResult, Experiment, Row, wilcoxon};
use crate::metric::{CaseScore, EmptyPolicy, Statistic};

/// One row of an experiment on one list to train on. Statistics are over seeds, and each value is the
/// mean of an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Name of the row.
    pub row: String,
    /// Name of the list.
    pub list: String,
    /// Seeds that are done.
    pub seeds: Vec<u64>,
    /// Optimiser steps.
    pub iterations: usize,
    /// Trainable parameters.
    pub parameters: usize,
    /// Wall time of training in seconds.
    pub seconds: Option<Statistic>,
    /// Mean Dice.
    pub dice: Option<Statistic>,
    /// Mean HD95 in mm.
    pub hd95_mm: Option<Statistic>,
    /// Mean HD95 in voxels.
    pub hd95_voxels: Option<Statistic>,
    /// Dice by label, in the order of [`Table::labels`].
    pub labels: Vec<Option<Statistic>>,
    /// Against another row, where the experiment asks for it.
    pub comparison: Option<Comparison>,
}

/// A row beside another, case by case; each case counts with its mean over the seeds that both have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The other row.
    pub against: String,
    /// Of the mean Dice over labels.
    pub dice: Option<PairedTest>,
    /// Of the mean HD95 in mm over labels.
    pub hd95_mm: Option<PairedTest>,
}

/// A paired comparison of cases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairedTest {
    /// Mean of this row's value minus the other's.
    pub difference: f64,
    /// Cases where both are defined.
    pub cases: usize,
    /// Two-sided p of Wilcoxon's signed-rank test; undefined where no case differs.
    pub p: Option<f64>,
}

/// The results of an experiment, as far as there are any.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Heading.
    pub title: String,
    /// Names of the labels that have columns of their own.
    pub labels: Vec<String>,
    /// The lines, list by list in the order of the rows.
    pub lines: Vec<Line>,
    /// How many seeds each line should have.
    pub seeds: usize,
    /// How results were measured, in words.
    pub measured: String,
}

impl Experiment {
    /// The table of the cells that are done.
    pub fn table(&self, results: &[CellResult]) -> Table {
        let labels: BTreeMap<u16, String> = results
            .iter()
            .flat_map(|result| &result.evaluation.labels)
            .map(|label| (label.label, label.name.clone()))
            .collect();
        let ids: Vec<u16> = labels.keys().copied().collect();
        let lines = self.train.iter().flat_map(|list| {
            let ids = &ids;
            self.rows
                .iter()
                .filter_map(move |row| self.line(row, list, ids, results))
        });
        Table {
            title: self.title.clone(),
            lines: lines.collect(),
            labels: labels.into_values().collect(),
            seeds: self.seeds.len(),
            measured: format!(
                "Measured on {}: HD95 {}, empty masks {}.",
                self.evaluate,
                self.protocol.hd95.name(),
                self.protocol.empty.name()
            ),
        }
    }

    /// `None` where no seed is done.
    fn line(&self, row: &Row, list: &str, ids: &[u16], results: &[CellResult]) -> Option<Line> {
        let of = |name: &str| -> Vec<&CellResult> {
            let cells = results.iter();
            cells
                .filter(|result| result.cell.row == name && result.cell.list == list)
                .collect()
        };
        let cells = of(&row.name);
        let first = cells.first()?;
        let over_seeds = |value: &dyn Fn(&CellResult) -> Option<f64>| {
            Statistic::of(cells.iter().map(|cell| value(cell)))
        };
        let mean = |statistic: Option<Statistic>| statistic.map(|statistic| statistic.mean);
        let label_dice = |id: u16| {
            over_seeds(&|cell| {
                let label = cell
                    .evaluation
                    .labels
                    .iter()
                    .find(|label| label.label == id)?;
                mean(label.means.dice)
            })
        };
        let empty = self.protocol.empty;
        Some(Line {
            row: row.name.clone(),
            list: list.to_owned(),
            seeds: cells.iter().map(|cell| cell.cell.config.seed).collect(),
            iterations: first.cell.config.iterations,
            parameters: first.parameters,
            seconds: over_seeds(&|cell| Some(cell.seconds)),
            dice: over_seeds(&|cell| mean(cell.evaluation.mean.dice)),
            hd95_mm: over_seeds(&|cell| mean(cell.evaluation.mean.hd95_mm)),
            hd95_voxels: over_seeds(&|cell| mean(cell.evaluation.mean.hd95_voxels)),
            labels: ids.iter().map(|&id| label_dice(id)).collect(),
            comparison: row.against.as_ref().map(|against| Comparison {
                against: against.clone(),
                dice: paired(&cells, &of(against), empty, CaseScore::mean_dice),
                hd95_mm: paired(&cells, &of(against), empty, CaseScore::mean_hd95_mm),
            }),
        })
    }
}

/// Compares the cases of two rows on the seeds that both have.
fn paired(
    ours: &[&CellResult],
    theirs: &[&CellResult],
    empty: EmptyPolicy,
    value: fn(&CaseScore, EmptyPolicy) -> Option<f64>,
) -> Option<PairedTest> {
    let has = |cells: &[&CellResult], seed: u64| cells.iter().any(|c| c.cell.config.seed == seed);
    let by_case = |cells: &[&CellResult], others: &[&CellResult]| {
        let mut cases: BTreeMap<String, Vec<Option<f64>>> = BTreeMap::new();
        for cell in cells
            .iter()
            .filter(|cell| has(others, cell.cell.config.seed))
        {
            for case in &cell.evaluation.cases {
                cases
                    .entry(case.case.clone())
                    .or_default()
                    .push(value(case, empty));
            }
        }
        cases
    };
    let (ours, theirs) = (by_case(ours, theirs), by_case(theirs, ours));
    let differences: Vec<f64> = ours
        .into_iter()
        .filter_map(|(case, values)| {
            let other = Statistic::of(theirs.get(&case)?.iter().copied())?;
            Some(Statistic::of(values)?.mean - other.mean)
        })
        .collect();
    Some(PairedTest {
        difference: Statistic::of(differences.iter().copied().map(Some))?.mean,
        cases: differences.len(),
        p: wilcoxon(&differences).map(|test| test.p),
    })
}
