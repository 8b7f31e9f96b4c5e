//! What an experiment would do: its cells and the cases of its lists.

use std::collections::BTreeMap;

use crate::experiment::{Cell, Experiment};
use crate::preset::Preset;
use crate::weights::counted;

/// Characters of a line of case names.
const LINE: usize = 100;

/// The lines of a dry run.
pub(super) fn lines(experiment: &Experiment, cells: &[Cell]) -> Vec<String> {
    let heading = format!("{}: {}", experiment.title, counted(cells.len(), "cell"));
    let mut lines = vec![heading];
    lines.extend(table(cells));
    // The cases of each list; the evaluation list comes last.
    let mut lists: Vec<(&str, &[String])> = Vec::new();
    for cell in cells {
        if !lists.iter().any(|(name, _)| *name == cell.list) {
            lists.push((&cell.list, &cell.training));
        }
    }
    let pretrained = experiment.rows.iter().filter_map(|row| {
        let cell = cells.iter().find(|cell| cell.row == row.name)?;
        Some((
            row.pretrain.as_ref()?.list.as_str(),
            cell.pretraining.as_ref()?.cases.as_slice(),
        ))
    });
    for (name, cases) in pretrained {
        if !lists.iter().any(|(other, _)| *other == name) {
            lists.push((name, cases));
        }
    }
    if let Some(cell) = cells.first() {
        lists.extend(experiment.validate.as_deref().map(|name| (name, &cell.validation[..])));
        lists.push((&experiment.evaluate, &cell.evaluation));
    }
    for (name, cases) in lists {
        let purpose = if name == experiment.evaluate {
            "to measure on"
        } else if Some(name) == experiment.validate.as_deref() {
            "to choose the best weights by"
        } else if experiment.train.iter().any(|list| list == name) {
            "to train on"
        } else {
            "to pretrain on"
        };
        // The experiment's own list may have the name of one of the preset's.
        let preset = experiment.preset.filter(|_| !experiment.lists.contains_key(name));
        let published = preset.and_then(|preset: Preset| preset.published_cases(name));
        let published = published.map_or(String::new(), |count| format!(", {count} published"));
        let cases_here = counted(cases.len(), "case");
        lines.push(format!("{name}, {purpose}: {cases_here}{published}"));
        lines.extend(wrapped(cases));
    }
    lines
}

/// One line per cell, in columns, with a header.
fn table(cells: &[Cell]) -> Vec<String> {
    let head = ["row", "trained on", "seed", "folder"].map(str::to_owned);
    let row = |cell: &Cell| {
        let seed = cell.config.seed.to_string();
        [cell.row.clone(), cell.list.clone(), seed, cell.folder()]
    };
    let rows: Vec<[String; 4]> = std::iter::once(head).chain(cells.iter().map(row)).collect();
    let mut widths = BTreeMap::new();
    for row in &rows {
        for (column, text) in row.iter().enumerate() {
            let width: &mut usize = widths.entry(column).or_default();
            *width = text.chars().count().max(*width);
        }
    }
    let line = |row: &[String; 4]| {
        let texts = row.iter().zip(widths.values());
        let texts: Vec<String> = texts.map(|(text, &width)| format!("{text:width$}")).collect();
        format!("  {}", texts.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// Names separated by commas, in indented lines.
fn wrapped(names: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let comma = if index + 1 < names.len() { "," } else { "" };
        match lines.last_mut() {
            Some(line) if line.chars().count() + name.chars().count() < LINE => {
                line.push_str(&format!(" {name}{comma}"));
            }
            _ => lines.push(format!("  {name}{comma}")),
        }
    }
    lines
}
