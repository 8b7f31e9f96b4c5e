//! The mean Dice of an experiment's rows as bars.

use crate::cli::chart::{Anchor, Scale, document, rule, text};
use crate::experiment::{Experiment, Line, Row, Table};
use crate::metric::Statistic;
use crate::volume::label_rgb;

/// Pixels of the whole width, of the bars' axis, and from one bar to the next.
const WIDTH: f64 = 820.0;
const AXIS: f64 = 400.0;
const STEP: f64 = 26.0;
/// Pixels between rows that are not compared.
const GAP: f64 = 10.0;
/// Pixels of a bar's height, and of the caps of an error bar to both sides.
const BAR: f64 = 16.0;
const CAP: f64 = 4.0;
/// Where the names of rows end, and the first of them is.
const NAMES: f64 = 250.0;
const TOP: f64 = 40.0;
/// Characters of a name; longer ones are shortened.
const LONGEST: usize = 40;

/// Horizontal bars from 0 to 100 % in the order of the rows, below each other for each list that is trained on, with
/// the standard deviation over seeds; and a sentence for each that is missing. A row without a result has a place, but
/// no bar. Rows that are compared with each other are a group; the first of every group have one color, the second
/// another.
pub(super) fn bars(experiment: &Experiment, table: &Table) -> (String, Vec<String>) {
    let mut chart = Chart {
        axis: Scale {
            low: (NAMES + 10.0, 0.0),
            high: (NAMES + 10.0 + AXIS, 100.0),
        },
        y: TOP,
        marks: String::new(),
    };
    let mut missing = Vec::new();
    for list in &experiment.train {
        if experiment.train.len() > 1 {
            chart.heading(&format!("trained on {list}"));
        }
        let mut last = None;
        for (row, (group, place)) in experiment.rows.iter().zip(places(&experiment.rows)) {
            if last.replace(group).is_some_and(|last| last != group) {
                chart.y += GAP;
            }
            let mut lines = table.lines.iter();
            let line = lines.find(|line| line.row == row.name && line.list == *list);
            match dice(line) {
                Ok(dice) => chart.bar(&row.name, place, dice, &seeds_done(line, table.seeds)),
                Err(why) => {
                    chart.gap(&row.name, why);
                    missing.push(format!("{} trained on {list} has no bar: {why}", row.name));
                }
            }
        }
    }
    (chart.finish(&table.title), missing)
}

/// The group of each row, by the row that it is compared with in the end, and its place in the group; rows of which
/// none is compared are one group.
fn places(rows: &[Row]) -> Vec<(usize, usize)> {
    let compared = rows.iter().any(|row| row.against.is_some());
    let group = |start: usize| {
        let other = |at: usize| {
            let against = rows[at].against.as_ref()?;
            rows.iter().position(|row| row.name == *against)
        };
        // Rows that are compared in a circle have no end.
        let chain = std::iter::successors(Some(start), |&at| other(at)).take(rows.len());
        chain.last().filter(|_| compared).unwrap_or(0)
    };
    let groups: Vec<usize> = (0..rows.len()).map(group).collect();
    let place = |at: usize| groups[..at].iter().filter(|&&group| group == groups[at]).count();
    (0..rows.len()).map(|at| (groups[at], place(at))).collect()
}

/// A row's mean Dice, else why there is none.
fn dice(line: Option<&Line>) -> Result<Statistic, &'static str> {
    let line = line.ok_or("no result yet")?;
    line.means.dice.ok_or("its Dice is undefined")
}

/// How many seeds are done, where some are not.
fn seeds_done(line: Option<&Line>, seeds: usize) -> String {
    match line.map_or(0, |line| line.seeds.len()) {
        done if done < seeds => format!(" ({done} of {seeds} seeds)"),
        _ => String::new(),
    }
}

/// A chart while it grows downwards.
struct Chart {
    axis: Scale,
    /// The top of the next bar.
    y: f64,
    marks: String,
}

impl Chart {
    fn heading(&mut self, words: &str) {
        self.marks += &text([NAMES, self.y + 12.0], Anchor::End, " font-weight=\"bold\"", words);
        self.y += STEP;
    }

    /// A bar with its deviation, and both in numbers beside the chart.
    fn bar(&mut self, name: &str, place: usize, dice: Statistic, note: &str) {
        let [r, g, b] = label_rgb(place);
        let (left, mean) = (self.axis.low.0, 100.0 * dice.mean);
        let (end, middle) = (self.axis.at(mean), self.y + BAR / 2.0);
        self.name(name);
        self.marks += &format!(
            "<rect x=\"{left}\" y=\"{}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"rgb({r},{g},{b})\"/>\n",
            self.y,
            end - left
        );
        if let Some(sd) = dice.sd {
            let ends = [mean - 100.0 * sd, mean + 100.0 * sd].map(|value| self.axis.at(value.clamp(0.0, 100.0)));
            let [low, high] = ends;
            let (above, below) = (middle - CAP, middle + CAP);
            self.marks += &format!(
                "<path d=\"M{low:.1} {above}V{below}M{low:.1} {middle}H{high:.1}M{high:.1} {above}V{below}\" \
                 stroke=\"black\" fill=\"none\"/>\n"
            );
        }
        let numbers = Statistic {
            mean,
            sd: dice.sd.map(|sd| 100.0 * sd),
            ..dice
        };
        let words = numbers.text(1) + note;
        self.marks += &text([self.axis.high.0 + 12.0, middle + 4.0], Anchor::Start, "", &words);
        self.y += STEP;
    }

    /// Words in place of a bar.
    fn gap(&mut self, name: &str, why: &str) {
        self.name(name);
        let place = [self.axis.low.0 + 8.0, self.y + BAR / 2.0 + 4.0];
        self.marks += &text(place, Anchor::Start, " fill=\"#666\" font-style=\"italic\"", why);
        self.y += STEP;
    }

    fn name(&mut self, name: &str) {
        let name = match name.chars().count() > LONGEST {
            true => name.chars().take(LONGEST - 1).chain(['…']).collect(),
            false => name.to_owned(),
        };
        self.marks += &text([NAMES, self.y + BAR / 2.0 + 4.0], Anchor::End, "", &name);
    }

    /// The document: lines behind the bars, what they count, and the title.
    fn finish(self, title: &str) -> String {
        let bottom = self.y - (STEP - BAR) / 2.0;
        let mut lines = String::new();
        for value in self.axis.ticks() {
            let x = self.axis.at(value);
            lines += &rule(&format!("M{x:.1} {}V{bottom}", TOP - 6.0));
            lines += &text([x, bottom + 16.0], Anchor::Middle, "", &format!("{value:.0}"));
        }
        let middle = (self.axis.low.0 + self.axis.high.0) / 2.0;
        lines += &text([middle, bottom + 34.0], Anchor::Middle, "", "mean Dice, %");
        lines += &text(
            [WIDTH / 2.0, 20.0],
            Anchor::Middle,
            " font-size=\"14\" font-weight=\"bold\"",
            title,
        );
        document([WIDTH, bottom + 46.0], &(lines + &self.marks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{Means, Measure};

    const EXPERIMENT: &str = r#"
title = "A < B"
train = ["a"]
evaluate = "b"
seeds = [0, 1]
lists = { a = ["1"], b = ["2"] }
row = [{ name = "plain" }, { name = "masked" }, { name = "half" }, { name = "empty" }]
"#;

    fn line(row: &str, seeds: &[u64], dice: &[f64]) -> Line {
        Line {
            row: row.to_owned(),
            list: "a".to_owned(),
            seeds: seeds.to_vec(),
            iterations: 1,
            parameters: 1,
            seconds: None,
            means: Means::of(|measure| match measure {
                Measure::Dice => Statistic::of(dice.iter().copied().map(Some)),
                _ => None,
            }),
            labels: Vec::new(),
            comparison: None,
        }
    }

    /// Figure 4 has a pair of bars for each network.
    #[test]
    fn rows_that_are_compared_are_groups() {
        let rows = |against: [&str; 4]| {
            let mut rows = Experiment::from_toml("e.toml", EXPERIMENT).expect("an experiment").rows;
            for (row, against) in rows.iter_mut().zip(against) {
                row.against = (!against.is_empty()).then(|| against.to_owned());
            }
            places(&rows)
        };
        // They are called plain, masked, half and empty.
        assert_eq!(rows(["", "plain", "", "half"]), [(0, 0), (0, 1), (2, 0), (2, 1)]);
        assert_eq!(rows(["", "plain", "masked", ""]), [(0, 0), (0, 1), (0, 2), (3, 0)]);
        // As in Table 7, the row that others are compared with is not the first.
        assert_eq!(rows(["masked", "", "empty", ""]), [(1, 0), (1, 1), (3, 0), (3, 1)]);
        assert_eq!(rows([""; 4]), [(0, 0), (0, 1), (0, 2), (0, 3)]);
    }

    /// The axis has 4 pixels for 1 % from 260 on.
    #[test]
    fn bars_are_as_long_as_the_dice_and_missing_ones_are_not_drawn() {
        let experiment = Experiment::from_toml("e.toml", EXPERIMENT).expect("an experiment");
        let table = Table {
            title: experiment.title.clone(),
            labels: Vec::new(),
            lines: vec![
                line("plain", &[0, 1], &[0.4, 0.6]),
                line("half", &[1], &[0.25]),
                line("empty", &[0, 1], &[]),
            ],
            seeds: 2,
            measured: String::new(),
        };
        let (svg, missing) = bars(&experiment, &table);
        let rects = || svg.match_indices("<rect x=").count();
        assert_eq!(rects(), 2, "{svg}");
        assert!(svg.contains("<rect x=\"260\" y=\"40\" width=\"200.0\""), "{svg}");
        // The deviation of 0.4 and 0.6 is 0.1414: 14.14 % are 56.6 pixels to both sides of 460.
        assert!(svg.contains("M403.4 44V52M403.4 48H516.6M516.6 44V52"), "{svg}");
        assert!(svg.contains(">50.0 ± 14.1</text>"), "{svg}");
        // The third row keeps its place and has no deviation.
        assert!(svg.contains("<rect x=\"260\" y=\"92\" width=\"100.0\""), "{svg}");
        assert!(svg.contains(">25.0 (1 of 2 seeds)</text>"), "{svg}");
        assert!(
            svg.contains(">no result yet</text>") && svg.contains("A &lt; B"),
            "{svg}"
        );
        assert_eq!(
            missing,
            [
                "masked trained on a has no bar: no result yet",
                "empty trained on a has no bar: its Dice is undefined"
            ]
        );
    }
}
