//! An experiment's table as Markdown and as CSV.

use super::{Comparison, Line, PairedTest, Table};
use crate::metric::{Statistic, csv_field};

impl Table {
    /// A Markdown table: means ± standard deviations over seeds, Dice in per cent, and the difference
    /// to the row that each is tested against.
    pub fn to_markdown(&self) -> String {
        let mut head = vec![
            "Row".to_owned(),
            "trained on".to_owned(),
            "seeds".to_owned(),
            "iterations".to_owned(),
            "training".to_owned(),
        ];
        head.extend(self.labels.iter().cloned());
        let measures = [
            "Dice %",
            "HD95 mm",
            "HD95 voxels",
            "Surface Dice %",
            "Δ Dice (p)",
            "Δ HD95 mm (p)",
        ];
        head.extend(measures.map(str::to_owned));
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule = format!("|---|---|{}\n", "---:|".repeat(head.len() - 2));
        let rows: String = self.lines.iter().map(|row| line(&self.row(row))).collect();
        format!(
            "# {}\n\n{}{rule}{rows}\n{} Mean ± standard deviation over seeds. Δ: mean difference per case to the row \
             named, each case by its mean over seeds; p: Wilcoxon's signed-rank test, two-sided.\n",
            self.title,
            line(&head),
            self.measured
        )
    }

    fn row(&self, line: &Line) -> Vec<String> {
        let percent = |value: &Option<Statistic>| text(value, 100.0, 2);
        let mut cells = vec![
            line.row.clone(),
            line.list.clone(),
            match line.seeds.len() {
                done if done < self.seeds => format!("{done} of {}", self.seeds),
                done => done.to_string(),
            },
            line.iterations.to_string(),
            text(&line.seconds, 1.0 / 60.0, 1) + " min",
        ];
        cells.extend(line.labels.iter().map(percent));
        cells.push(percent(&line.means.dice));
        cells.push(text(&line.means.hd95_mm, 1.0, 2));
        cells.push(text(&line.means.hd95_voxels, 1.0, 2));
        cells.push(percent(&line.means.surface_dice));
        let test = |of: fn(&Comparison) -> Option<PairedTest>, scale: f64| {
            let Some(comparison) = &line.comparison else {
                return String::new();
            };
            let Some(test) = of(comparison) else {
                return "-".to_owned();
            };
            let p = test.p.map_or("-".to_owned(), |p| match p {
                p if p < 1e-3 => format!("{p:.1e}"),
                p => format!("{p:.3}"),
            });
            format!("{:+.2} ({p}) to {}", test.difference * scale, comparison.against)
        };
        cells.push(test(|comparison| comparison.dice, 100.0));
        cells.push(test(|comparison| comparison.hd95_mm, 1.0));
        cells
    }

    /// One line per row and list, in full precision; an undefined value is an empty field.
    pub fn to_csv(&self) -> String {
        let mut head = vec!["row", "list", "seeds", "iterations", "parameters"];
        let measures = [
            "seconds",
            "dice",
            "hd95_mm",
            "hd95_voxels",
            "surface_dice",
            "iou",
            "precision",
            "recall",
        ];
        let labels: Vec<String> = self.labels.iter().map(|name| format!("dice {name}")).collect();
        let names = measures.into_iter().chain(labels.iter().map(String::as_str));
        let spread: Vec<String> = names
            .flat_map(|name| [csv_field(&format!("{name} mean")), csv_field(&format!("{name} sd"))])
            .collect();
        head.extend(spread.iter().map(String::as_str));
        head.extend([
            "against",
            "cases",
            "dice difference",
            "dice p",
            "hd95_mm difference",
            "hd95_mm p",
        ]);
        let rows = self.lines.iter().map(fields);
        std::iter::once(head.join(","))
            .chain(rows.map(|fields| fields.join(",")))
            .map(|line| line + "\n")
            .collect()
    }
}

/// The fields of one line of CSV.
fn fields(line: &Line) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let mut fields = vec![
        csv_field(&line.row),
        csv_field(&line.list),
        line.seeds.len().to_string(),
        line.iterations.to_string(),
        line.parameters.to_string(),
    ];
    let means = &line.means;
    let measures = [
        line.seconds,
        means.dice,
        means.hd95_mm,
        means.hd95_voxels,
        means.surface_dice,
        means.iou,
        means.precision,
        means.recall,
    ];
    for value in measures.iter().chain(&line.labels) {
        fields.push(number(value.map(|value| value.mean)));
        fields.push(number(value.and_then(|value| value.sd)));
    }
    let comparison = line.comparison.as_ref();
    let dice = comparison.and_then(|comparison| comparison.dice);
    let hd95 = comparison.and_then(|comparison| comparison.hd95_mm);
    fields.push(comparison.map_or(String::new(), |comparison| csv_field(&comparison.against)));
    fields.push(dice.map_or(String::new(), |test| test.cases.to_string()));
    for test in [dice, hd95] {
        fields.push(number(test.map(|test| test.difference)));
        fields.push(number(test.and_then(|test| test.p)));
    }
    fields
}

/// A statistic in another unit, `-` where it is undefined.
fn text(value: &Option<Statistic>, scale: f64, decimals: usize) -> String {
    value.map_or("-".to_owned(), |value| {
        let scaled = Statistic {
            mean: value.mean * scale,
            sd: value.sd.map(|sd| sd * scale),
            ..value
        };
        scaled.text(decimals)
    })
}
