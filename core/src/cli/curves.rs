//! `progress.csv` and `curves.svg` of a run folder, from the trainer's events.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::chart::{Anchor, Scale, document, rule, text};
use super::files::{lines_until, read, unwritable, write};
use super::{Failure, Outcome};
use crate::loss::Terms;
use crate::train::Event;

const HEAD: &str =
    "iteration,total,supervised,masked,consistency,validation_dice,learning_rate,momentum,seconds,loading_seconds";

/// Colors of the loss's terms (Okabe and Ito's, which color-blind people can tell apart).
pub(super) const COLORS: [&str; Terms::NAMES.len()] = ["#000000", "#0072b2", "#d55e00", "#009e73"];

/// Name and color of the validation Dice.
pub(super) const DICE: (&str, &str) = ("validation Dice", "#cc79a7");

/// The column of `progress.csv` in which the terms of the loss begin, and that of the validation Dice.
const FIRST_TERM: usize = 1;
const DICE_COLUMN: usize = FIRST_TERM + Terms::NAMES.len();

/// Maximum number of points of a curve; each is the mean of neighboring steps.
const POINTS: usize = 300;

/// The step of a row.
fn step_of(row: &str) -> Option<usize> {
    row.split(',').next()?.parse().ok()
}

/// The curves of one run.
pub(super) struct Curves {
    csv: File,
    csv_path: PathBuf,
    svg_path: PathBuf,
}

impl Curves {
    /// Starts the files of a run folder, or continues them after `done` steps.
    pub fn new(folder: &Path, done: Option<usize>) -> Result<Self, Failure> {
        let csv_path = folder.join("progress.csv");
        let kept = done.map(|done| lines_until(&csv_path, done, step_of));
        let kept = kept.transpose()?;
        write(&csv_path, format!("{HEAD}\n{}", kept.unwrap_or_default()).as_bytes())?;
        let csv = OpenOptions::new().append(true).open(&csv_path);
        Ok(Self {
            csv: csv.map_err(|error| unwritable(&csv_path, &error))?,
            csv_path,
            svg_path: folder.join("curves.svg"),
        })
    }

    /// Adds a step or a validation to `progress.csv`, and draws after validations and checkpoints.
    pub fn event(&mut self, event: &Event) -> Outcome {
        let field = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        match event {
            Event::Step {
                iteration,
                losses,
                learning_rate,
                momentum,
                seconds,
                loading_seconds,
                ..
            } => {
                let terms = losses.named().map(|(_, value)| field(value)).join(",");
                self.line(&format!(
                    "{iteration},{terms},,{learning_rate},{},{seconds},{loading_seconds}",
                    field(*momentum)
                ))
            }
            Event::Validated { iteration, dice, .. } => {
                self.line(&format!("{iteration},,,,,{dice},,,,"))?;
                self.draw()
            }
            Event::Checkpoint { .. } | Event::Finished { .. } => self.draw(),
            _ => Ok(()),
        }
    }

    fn line(&mut self, line: &str) -> Outcome {
        writeln!(self.csv, "{line}").map_err(|error| unwritable(&self.csv_path, &error))
    }

    fn draw(&self) -> Outcome {
        let csv = read(&self.csv_path)?;
        write(&self.svg_path, svg(&String::from_utf8_lossy(&csv)).as_bytes())
    }
}

/// Points (step, value) of one column.
fn column(csv: &str, column: usize) -> Vec<(f64, f64)> {
    let point = |line: &str| {
        let mut fields = line.split(',');
        let step = fields.next()?.parse().ok()?;
        let value: f64 = fields.nth(column - 1)?.parse().ok()?;
        value.is_finite().then_some((step, value))
    };
    csv.lines().skip(1).filter_map(point).collect()
}

/// Means of neighboring points, at most [`POINTS`] of them.
pub(super) fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mean = |points: &[(f64, f64)]| {
        let count = points.len() as f64;
        let (steps, values) = points
            .iter()
            .fold((0.0, 0.0), |(steps, values), (s, v)| (steps + s, values + v));
        (steps / count, values / count)
    };
    let size = points.len().div_ceil(POINTS).max(1);
    points.chunks(size).map(mean).collect()
}

/// Losses above, validation Dice below; the latter only where there is any.
fn svg(csv: &str) -> String {
    let terms = (FIRST_TERM..).zip(Terms::NAMES.into_iter().zip(COLORS));
    let losses: Vec<Curve> = terms
        .filter_map(|(column, drawn)| Curve::new(csv, column, drawn))
        .collect();
    let dice: Vec<Curve> = Curve::new(csv, DICE_COLUMN, DICE).into_iter().collect();
    let steps = losses
        .iter()
        .flat_map(|curve| &curve.points)
        .fold(1.0, |most: f64, (step, _)| most.max(*step));
    let mut panels = Vec::new();
    for (curves, bounds) in [(losses, None), (dice, Some((0.0, 1.0)))] {
        if !curves.is_empty() {
            let top = 30.0 + panels.len() as f64 * (Panel::HEIGHT + 60.0);
            panels.push(Panel::new(curves, top, steps, bounds).draw());
        }
    }
    let height = 30.0 + panels.len() as f64 * (Panel::HEIGHT + 60.0);
    document([720.0, height], &panels.concat())
}

struct Curve {
    name: &'static str,
    color: &'static str,
    points: Vec<(f64, f64)>,
}

impl Curve {
    /// `None` where the column is empty.
    fn new(csv: &str, index: usize, (name, color): (&'static str, &'static str)) -> Option<Self> {
        let points = thinned(&column(csv, index));
        (!points.is_empty()).then_some(Self { name, color, points })
    }
}

/// Curves over steps, between two values.
struct Panel {
    curves: Vec<Curve>,
    across: Scale,
    up: Scale,
}

impl Panel {
    const LEFT: f64 = 60.0;
    const WIDTH: f64 = 520.0;
    const HEIGHT: f64 = 220.0;

    /// Between the given bounds, else from 0 (or below) to the highest value.
    fn new(curves: Vec<Curve>, top: f64, steps: f64, bounds: Option<(f64, f64)>) -> Self {
        let values = || curves.iter().flat_map(|curve| &curve.points).map(|(_, value)| *value);
        let (low, high) = bounds.unwrap_or((values().fold(0.0, f64::min), values().fold(f64::MIN_POSITIVE, f64::max)));
        Self {
            curves,
            across: Scale {
                low: (Self::LEFT, 0.0),
                high: (Self::LEFT + Self::WIDTH, steps),
            },
            up: Scale {
                low: (top + Self::HEIGHT, low),
                high: (top, high),
            },
        }
    }

    fn draw(&self) -> String {
        let ((left, _), (right, _)) = (self.across.low, self.across.high);
        let ((bottom, _), (top, _)) = (self.up.low, self.up.high);
        let mut svg = String::new();
        for (value, step) in self.up.ticks().into_iter().zip(self.across.ticks()) {
            let (x, y) = (self.across.at(step), self.up.at(value));
            svg += &rule(&format!("M{left} {y:.1}H{right}"));
            svg += &text([left - 6.0, y + 4.0], Anchor::End, "", &format!("{value:.2}"));
            svg += &text([x, bottom + 18.0], Anchor::Middle, "", &format!("{step:.0}"));
        }
        for (row, curve) in self.curves.iter().enumerate() {
            let points: Vec<String> = curve
                .points
                .iter()
                .map(|&(step, value)| format!("{:.1},{:.1}", self.across.at(step), self.up.at(value)))
                .collect();
            let (color, y) = (curve.color, top + 14.0 + 18.0 * row as f64);
            svg += &format!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\"/>\n",
                points.join(" ")
            );
            let fill = format!(" fill=\"{color}\"");
            svg += &text([right + 10.0, y], Anchor::Start, &fill, curve.name);
        }
        svg
    }
}

#[cfg(test)]
mod tests {
    use super::{column, svg, thinned};

    const CSV: &str = "head\n1,4,3,0.5,1,,0.1,0.9,2\n2,2,1.5,,,,0.1,,2\n2,,,,,0.25,,,\n";

    #[test]
    fn columns_hold_the_steps_that_have_a_value() {
        assert_eq!(column(CSV, 1), [(1.0, 4.0), (2.0, 2.0)]);
        assert_eq!(column(CSV, 3), [(1.0, 0.5)]);
        assert_eq!(column(CSV, 5), [(2.0, 0.25)]);
        assert!(column("head\n1,NaN,\n", 1).is_empty());
    }

    #[test]
    fn many_steps_become_means() {
        let points: Vec<(f64, f64)> = (0..600).map(|i| (f64::from(i), f64::from(i % 2))).collect();
        let thin = thinned(&points);
        assert_eq!((thin.len(), thin[0], thin[299]), (300, (0.5, 0.5), (598.5, 0.5)));
    }

    /// The loss axis runs from 0 to 4 over 220 units starting at 30, the step axis from 0 to 2 over 520 starting at 60.
    #[test]
    fn curves_lie_where_their_values_are() {
        let svg = svg(CSV);
        assert!(svg.contains("points=\"320.0,30.0 580.0,140.0\""), "{svg}");
        // Dice 0.25 of 0 to 1, in the second panel: 310 + 0.75 · 220.
        assert!(svg.contains("points=\"580.0,475.0\""), "{svg}");
    }
}
