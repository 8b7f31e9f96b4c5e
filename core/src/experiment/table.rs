//! The table of an experiment: means over seeds, and paired tests between rows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{CellResult, Experiment, Row, wilcoxon};
use crate::metric::{CaseScore, EmptyPolicy, Means, Measure, Statistic};

/// One row of an experiment on one training list. Statistics are over seeds; each value is the mean of an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Name of the row.
    pub row: String,
    /// Name of the list.
    pub list: String,
    /// Finished seeds.
    pub seeds: Vec<u64>,
    /// Optimizer steps.
    pub iterations: usize,
    /// Trainable parameters.
    pub parameters: usize,
    /// Wall time of training in seconds.
    pub seconds: Option<Statistic>,
    /// Means over labels and cases.
    #[serde(flatten)]
    pub means: Means,
    /// Dice by label, in the order of [`Table::labels`].
    pub labels: Vec<Option<Statistic>>,
    /// Comparison with another row, where the experiment asks for one.
    pub comparison: Option<Comparison>,
}

/// A row compared with another, case by case; each case counts with its mean over the seeds that both rows have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The other row.
    pub against: String,
    /// Test of the mean Dice over labels.
    pub dice: Option<PairedTest>,
    /// Test of the mean HD95 in mm over labels.
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

/// The results of an experiment so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Heading.
    pub title: String,
    /// Names of the labels that have their own columns.
    pub labels: Vec<String>,
    /// The lines, list by list in the order of the rows.
    pub lines: Vec<Line>,
    /// Number of seeds that each line should have.
    pub seeds: usize,
    /// How results were measured, in words.
    pub measured: String,
}

impl Experiment {
    /// The table of the finished cells.
    pub fn table(&self, results: &[CellResult]) -> Table {
        let columns: BTreeSet<Column> = results.iter().flat_map(Column::of).collect();
        let lines = self.train.iter().flat_map(|list| {
            let columns = &columns;
            self.rows
                .iter()
                .filter_map(move |row| self.line(row, list, columns, results))
        });
        Table {
            title: self.title.clone(),
            lines: lines.collect(),
            labels: columns.iter().map(|column| column.name(results)).collect(),
            seeds: self.seeds.len(),
            measured: self.measured(),
        }
    }

    /// How results are measured, in words, and which settings were overridden.
    fn measured(&self) -> String {
        let mut protocols: Vec<(String, Vec<&str>)> = Vec::new();
        for row in &self.rows {
            let words = row.protocol(self.protocol).describe();
            match protocols.iter_mut().find(|(known, _)| *known == words) {
                Some((_, rows)) => rows.push(&row.name),
                None => protocols.push((words, vec![&row.name])),
            }
        }
        let words: Vec<String> = match &protocols[..] {
            [(words, _)] => vec![words.clone()],
            several => several
                .iter()
                .map(|(words, rows)| format!("{words} ({})", rows.join("; ")))
                .collect(),
        };
        let measured = format!("Measured on {}: {}.", self.evaluate, words.join("; "));
        if self.overrides.is_empty() {
            return measured;
        }
        let given = self.overrides.iter();
        let given: Vec<String> = given.map(|(key, value)| format!("{key} = {value}")).collect();
        format!(
            "{measured} Not with the experiment's own settings: {} in every row.",
            given.join(", ")
        )
    }

    /// `None` where no seed is done.
    fn line(&self, row: &Row, list: &str, columns: &BTreeSet<Column>, results: &[CellResult]) -> Option<Line> {
        let of = |name: &str| -> Vec<&CellResult> {
            let cells = results.iter();
            cells
                .filter(|result| result.cell.row == name && result.cell.list == list)
                .collect()
        };
        let cells = of(&row.name);
        let first = cells.first()?;
        let over_seeds =
            |value: &dyn Fn(&CellResult) -> Option<f64>| Statistic::of(cells.iter().map(|cell| value(cell)));
        let mean = |statistic: Option<Statistic>| statistic.map(|statistic| statistic.mean);
        let measure = |measure: Measure| over_seeds(&|cell| mean(measure.mean(&cell.evaluation.mean)));
        let label_dice = |column: &Column| {
            over_seeds(&|cell| {
                let index = Column::of(cell).position(|own| own == *column)?;
                mean(cell.evaluation.labels[index].means.dice)
            })
        };
        Some(Line {
            row: row.name.clone(),
            list: list.to_owned(),
            seeds: cells.iter().map(|cell| cell.cell.config.seed).collect(),
            iterations: first.cell.config.all_iterations(),
            parameters: first.parameters,
            seconds: over_seeds(&|cell| Some(cell.seconds)),
            means: Means::of(measure),
            labels: columns.iter().map(label_dice).collect(),
            comparison: row.against.as_ref().map(|against| Comparison {
                against: against.clone(),
                dice: paired(&cells, &of(against), CaseScore::mean_dice),
                hd95_mm: paired(&cells, &of(against), CaseScore::mean_hd95_mm),
            }),
        })
    }
}

/// A label or region with its own column. Some rows may report regions and others labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Column {
    /// Regions come after labels.
    is_region: bool,
    /// The label's id, or the number of the region among those of its row.
    id: u16,
    /// The name of a region: its number means nothing across rows.
    region: Option<String>,
}

impl Column {
    /// The columns of a cell's labels, in order.
    fn of(result: &CellResult) -> impl Iterator<Item = Column> {
        let regions = !result.cell.targets.regions.is_empty();
        let labels = result.evaluation.labels.iter();
        labels.map(move |label| Column {
            is_region: regions,
            id: label.label,
            region: regions.then(|| label.name.clone()),
        })
    }

    /// Its name; for a label, the one in the last result.
    fn name(&self, results: &[CellResult]) -> String {
        let named = results.iter().rev().find_map(|result| {
            let index = Column::of(result).position(|own| own == *self)?;
            Some(result.evaluation.labels[index].name.clone())
        });
        named.unwrap_or_else(|| self.id.to_string())
    }
}

/// Compares the cases of two rows on the seeds that both have, each measured by its own protocol.
fn paired(
    ours: &[&CellResult],
    theirs: &[&CellResult],
    value: fn(&CaseScore, EmptyPolicy) -> Option<f64>,
) -> Option<PairedTest> {
    let has = |cells: &[&CellResult], seed: u64| cells.iter().any(|c| c.cell.config.seed == seed);
    let by_case = |cells: &[&CellResult], others: &[&CellResult]| {
        let mut cases: BTreeMap<String, Vec<Option<f64>>> = BTreeMap::new();
        for cell in cells.iter().filter(|cell| has(others, cell.cell.config.seed)) {
            for case in &cell.evaluation.cases {
                cases
                    .entry(case.case.clone())
                    .or_default()
                    .push(value(case, cell.cell.protocol.empty));
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
