//! An evaluation as CSV, Markdown and lines of text.

use std::str::FromStr;

use super::{Evaluation, Means, Measure, Statistic};

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
    /// HD95 in this unit.
    fn hd95(self) -> Measure {
        match self {
            Self::Mm => Measure::Hd95Mm,
            Self::Voxels => Measure::Hd95Voxels,
        }
    }
}

/// What tables show after Dice and distances.
const FURTHER: [Measure; 4] = [Measure::SurfaceDice, Measure::Iou, Measure::Precision, Measure::Recall];

/// Dice, and HD95 in the unit asked for, or in both.
fn first(unit: Option<Unit>) -> Vec<Measure> {
    let units = unit.map_or(vec![Unit::Mm, Unit::Voxels], |unit| vec![unit]);
    let distances = units.into_iter().map(Unit::hd95);
    [Measure::Dice].into_iter().chain(distances).collect()
}

impl Evaluation {
    /// One line per case and label: `case,label,name,dice,hd95_mm,hd95_voxels,ml_predicted,ml_true`, then
    /// `surface_dice_2mm` with the protocol's tolerance, `iou,precision,recall`; distances in the given unit, or in
    /// both. An undefined value is an empty field.
    pub fn to_csv(&self, unit: Option<Unit>) -> String {
        let first = first(unit);
        let keys = |measures: &[Measure]| -> Vec<String> {
            let keys = measures.iter().map(|measure| measure.key(self.protocol));
            keys.collect()
        };
        let mut csv = format!(
            "case,label,name,{},ml_predicted,ml_true,{}\n",
            keys(&first).join(","),
            keys(&FURTHER).join(",")
        );
        for case in &self.cases {
            for (score, label) in case.labels.iter().zip(&self.labels) {
                let number = |measure: &Measure| measure.of(score).map_or(String::new(), |value| value.to_string());
                let mut fields = vec![csv_field(&case.case), score.label.to_string(), csv_field(&label.name)];
                fields.extend(first.iter().map(number));
                fields.extend([score.ml_predicted, score.ml_true].map(|ml| ml.to_string()));
                fields.extend(FURTHER.iter().map(number));
                csv += &(fields.join(",") + "\n");
            }
        }
        csv
    }

    /// A Markdown table of the means ± standard deviations over cases, and a line on how they were
    /// measured.
    pub fn to_markdown(&self, unit: Option<Unit>) -> String {
        let measures = [&first(unit)[..], &FURTHER].concat();
        let [head, rows @ ..] = &self.rows(&measures, true)[..] else {
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

    /// The same in columns of text, as two tables that fit into a terminal.
    pub fn to_lines(&self, unit: Option<Unit>) -> Vec<String> {
        let mut lines = columns(&self.rows(&first(unit), true));
        lines.extend(columns(&self.rows(&FURTHER, false)));
        lines.push(self.measured());
        lines
    }

    /// Head, labels and mean, with a last column of missed labels if wanted.
    fn rows(&self, measures: &[Measure], with_missed: bool) -> Vec<Vec<String>> {
        let row = |name: &str, means: &Means, missed: usize| {
            let cells = measures
                .iter()
                .map(|measure| text(measure.mean(means), measure.decimals()));
            let missed = with_missed.then(|| missed.to_string());
            [name.to_owned()].into_iter().chain(cells).chain(missed).collect()
        };
        let titles = measures.iter().map(|measure| measure.title(self.protocol));
        let head = [format!("{} cases", self.cases.len())].into_iter().chain(titles);
        let head = head.chain(with_missed.then(|| "missed".to_owned())).collect();
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
            "Mean ± standard deviation over cases; {}; missed: one map has the label, the other lacks it.",
            self.protocol.describe()
        )
    }
}

/// Rows of cells as lines of text.
fn columns(rows: &[Vec<String>]) -> Vec<String> {
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
    rows.iter().map(line).collect()
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
