//! An evaluation as CSV, Markdown and lines of text.

use std::str::FromStr;

use super::{Evaluation, Means, Statistic};

/// Unit of reported distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Millimeters.
    Mm,
    /// Voxels: what medpy returns without a spacing, and what the paper's tables hold.
    Voxels,
}

impl FromStr for Unit {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "mm" => Ok(Self::Mm),
            "voxels" => Ok(Self::Voxels),
            _ => Err(format!("there is no unit {name:?}: choose mm or voxels")),
        }
    }
}

impl Unit {
    /// The unit asked for, or both.
    fn shown(unit: Option<Unit>) -> Vec<Unit> {
        unit.map_or(vec![Self::Mm, Self::Voxels], |unit| vec![unit])
    }

    fn name(self) -> &'static str {
        match self {
            Self::Mm => "mm",
            Self::Voxels => "voxels",
        }
    }

    fn of(self, means: &Means) -> Option<Statistic> {
        match self {
            Self::Mm => means.hd95_mm,
            Self::Voxels => means.hd95_voxels,
        }
    }
}

impl Evaluation {
    /// One line per case and label: `case,label,name,dice,hd95_mm,hd95_voxels,ml_predicted,ml_true`, distances in the
    /// given unit, or in both. An undefined value is an empty field.
    pub fn to_csv(&self, unit: Option<Unit>) -> String {
        let units = Unit::shown(unit);
        let heads: String = units.iter().map(|unit| format!("hd95_{},", unit.name())).collect();
        let mut csv = format!("case,label,name,dice,{heads}ml_predicted,ml_true\n");
        for case in &self.cases {
            for (score, label) in case.labels.iter().zip(&self.labels) {
                let number = |value: Option<f64>| value.map_or(String::new(), |v| v.to_string());
                let distances: String = units
                    .iter()
                    .map(|unit| match unit {
                        Unit::Mm => number(score.hd95_mm) + ",",
                        Unit::Voxels => number(score.hd95_voxels) + ",",
                    })
                    .collect();
                csv += &format!(
                    "{},{},{},{},{distances}{},{}\n",
                    csv_field(&case.case),
                    score.label,
                    csv_field(&label.name),
                    number(score.dice),
                    score.ml_predicted,
                    score.ml_true
                );
            }
        }
        csv
    }

    /// A Markdown table of the means ± standard deviations over cases, and a line on how they were
    /// measured.
    pub fn to_markdown(&self, unit: Option<Unit>) -> String {
        let [head, rows @ ..] = &self.rows(unit)[..] else {
            return String::new();
        };
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule = format!("|---|{}\n", "---:|".repeat(head.len() - 1));
        let rows: String = rows.iter().map(|row| line(row)).collect();
        format!("{}{rule}{rows}\n{}\n", line(head), self.measured())
    }

    /// The same table in columns of text.
    pub fn to_lines(&self, unit: Option<Unit>) -> Vec<String> {
        let rows = self.rows(unit);
        let columns = rows.first().map_or(0, Vec::len);
        let length = |cell: &String| cell.chars().count();
        let widths: Vec<usize> = (0..columns)
            .map(|column| rows.iter().map(|row| length(&row[column])).max().unwrap_or(0))
            .collect();
        let line = |row: &Vec<String>| {
            let cells: Vec<String> = (row.iter().zip(&widths).enumerate())
                .map(|(column, (cell, &width))| match column {
                    0 => format!("{cell:<width$}"),
                    _ => format!("{cell:>width$}"),
                })
                .collect();
            cells.join("  ").trim_end().to_owned()
        };
        rows.iter().map(line).chain([self.measured()]).collect()
    }

    /// Head, labels and mean.
    fn rows(&self, unit: Option<Unit>) -> Vec<Vec<String>> {
        let units = Unit::shown(unit);
        let row = |name: &str, means: &Means, missed: usize| {
            let distances = units.iter().map(|unit| text(unit.of(means), 2));
            let cells = [name.to_owned(), text(means.dice, 4)].into_iter();
            cells.chain(distances).chain([missed.to_string()]).collect()
        };
        let head = [format!("{} cases", self.cases.len()), "Dice".to_owned()].into_iter();
        let distances = units.iter().map(|unit| format!("HD95 {}", unit.name()));
        let head = head.chain(distances).chain(["missed".to_owned()]).collect();
        let missed = self.labels.iter().map(|label| label.missed).sum();
        let labels = self.labels.iter();
        [head]
            .into_iter()
            .chain(labels.map(|label| row(&label.name, &label.means, label.missed)))
            .chain([row("mean", &self.mean, missed)])
            .collect()
    }

    pub(super) fn measured(&self) -> String {
        format!(
            "Mean ± standard deviation over cases; HD95 {}; empty masks {}; missed: one map has the label, the other \
             lacks it.",
            self.protocol.hd95.name(),
            self.protocol.empty.name()
        )
    }
}

/// A mean with its spread; a dash where it is undefined.
pub(super) fn text(value: Option<Statistic>, decimals: usize) -> String {
    value.map_or("-".to_owned(), |value| value.text(decimals))
}

/// A text as a field of CSV (RFC 4180): quoted where it holds a comma, a quote or a line break.
pub(crate) fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
