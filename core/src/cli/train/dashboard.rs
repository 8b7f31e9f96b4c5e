//! The live view of a training run: progress, losses and validation Dice, below the existing lines.

use std::io::{Stdout, stdout};

use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, Gauge, GraphType, Paragraph, Widget};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

use super::sentence::sentence;
use crate::cli::console::print_line;
use crate::cli::curves::{self, thinned};
use crate::duration;
use crate::loss::Terms;
use crate::train::Event;

/// Lines that the dashboard takes.
const HEIGHT: u16 = 16;

/// A dashboard on one kind of terminal.
pub(super) struct Dashboard<B: Backend = CrosstermBackend<Stdout>> {
    terminal: Terminal<B>,
    run: Run,
}

/// What a run has reported so far.
struct Run {
    iterations: usize,
    done: usize,
    /// About other runs, with what separates it from this one's pace.
    outlook: String,
    pace: String,
    /// Points (step, value) of the loss's terms, in the order of [`Terms::NAMES`].
    losses: [Vec<(f64, f64)>; Terms::NAMES.len()],
    dice: Vec<(f64, f64)>,
}

impl Dashboard {
    /// `None` where the terminal cannot be drawn on.
    pub fn on_terminal(iterations: usize) -> Option<Self> {
        Self::new(CrosstermBackend::new(stdout()), iterations)
    }
}

impl<B: Backend> Dashboard<B> {
    fn new(backend: B, iterations: usize) -> Option<Self> {
        let options = TerminalOptions {
            viewport: Viewport::Inline(HEIGHT),
        };
        let run = Run {
            iterations,
            done: 0,
            outlook: String::new(),
            pace: String::new(),
            losses: Default::default(),
            dice: Vec::new(),
        };
        let terminal = Terminal::with_options(backend, options).ok()?;
        Some(Self { terminal, run })
    }

    /// Shows one event. Drawing errors are ignored: the run's files hold everything.
    pub fn event(&mut self, event: &Event) {
        if let Some(line) = sentence(event) {
            let drawn = self.terminal.insert_before(1, |buffer| {
                Paragraph::new(line).render(buffer.area, buffer);
            });
            drawn.unwrap_or_default();
        }
        self.run.event(event);
        let run = &self.run;
        if let Err(error) = self.terminal.draw(|frame| run.draw(frame)) {
            tracing::debug!("the dashboard cannot be drawn: {error}");
        }
    }

    /// Sets what stands before the pace.
    pub fn outlook(&mut self, outlook: String) {
        self.run.outlook = outlook;
    }

    /// Leaves the last view where it is, and what follows below it.
    pub fn close(mut self) {
        self.terminal.show_cursor().unwrap_or_default();
        drop(self.terminal);
        print_line("");
    }
}

impl Run {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Started { iteration, .. } => self.done = *iteration,
            Event::Step {
                iteration,
                losses,
                seconds,
                remaining_seconds,
                ..
            } => {
                self.done = *iteration;
                self.pace = format!(
                    "{}{iteration}/{}, {seconds:.2} s/step, {} left",
                    self.outlook,
                    self.iterations,
                    duration::in_words(*remaining_seconds)
                );
                for (curve, (_, value)) in self.losses.iter_mut().zip(losses.named()) {
                    curve.extend(value.map(|value| (*iteration as f64, value)));
                }
            }
            Event::Validated { iteration, dice, .. } => self.dice.push((*iteration as f64, *dice)),
            Event::SecondStage { .. } | Event::Checkpoint { .. } | Event::Finished { .. } => {}
        }
    }

    fn draw(&self, frame: &mut Frame) {
        let [bar, charts] = Layout::vertical([Constraint::Length(1), Constraint::Min(3)]).areas(frame.area());
        let share = self.done as f64 / self.iterations.max(1) as f64;
        let gauge = Gauge::default()
            .ratio(share.clamp(0.0, 1.0))
            .label(self.pace.as_str())
            .gauge_style(Style::new().fg(Color::Blue));
        frame.render_widget(gauge, bar);
        let dice = u16::from(!self.dice.is_empty());
        let [left, right] = Layout::horizontal([Constraint::Fill(2), Constraint::Fill(dice)]).areas(charts);
        let named = Terms::NAMES.into_iter().zip(curves::COLORS);
        let losses: Vec<Curve> = named
            .zip(&self.losses)
            .filter(|(_, points)| !points.is_empty())
            .map(|((name, color), points)| Curve::new(name, color, points))
            .collect();
        let highest = losses.iter().flat_map(|curve| &curve.points);
        let highest = highest.fold(f64::MIN_POSITIVE, |most, (_, value)| most.max(*value));
        self.chart(frame, left, "losses", &losses, highest);
        if dice > 0 {
            let (name, color) = curves::DICE;
            let curve = Curve::new(name, color, &self.dice);
            self.chart(frame, right, name, &[curve], 1.0);
        }
    }

    fn chart(&self, frame: &mut Frame, area: Rect, title: &str, curves: &[Curve], highest: f64) {
        let datasets = curves.iter().map(|curve| {
            Dataset::default()
                .name(curve.name)
                .marker(Marker::Braille)
                .graph_type(GraphType::Line)
                .style(Style::new().fg(curve.color))
                .data(&curve.points)
        });
        let legend = curves.iter().map(|curve| {
            let last = curve.points.last().map_or(0.0, |(_, value)| *value);
            let text = format!(" {} {last:.3} ", curve.name);
            Span::styled(text, Style::new().fg(curve.color))
        });
        let heading: Line = std::iter::once(Span::raw(title.to_owned())).chain(legend).collect();
        let steps = self.done.max(1);
        let chart = Chart::new(datasets.collect())
            .block(Block::bordered().title(heading))
            .legend_position(None)
            .x_axis(
                Axis::default()
                    .bounds([0.0, steps as f64])
                    .labels(["0".to_owned(), steps.to_string()]),
            )
            .y_axis(
                Axis::default()
                    .bounds([0.0, highest])
                    .labels(["0".to_owned(), format!("{highest:.2}")]),
            );
        frame.render_widget(chart, area);
    }
}

/// A curve as it is drawn.
struct Curve {
    name: &'static str,
    color: Color,
    points: Vec<(f64, f64)>,
}

impl Curve {
    /// `color` is `#rrggbb`; black, invisible on a dark terminal, becomes the terminal's default.
    fn new(name: &'static str, color: &str, points: &[(f64, f64)]) -> Self {
        let color = match color {
            "#000000" => Color::Reset,
            other => other.parse().unwrap_or(Color::Reset),
        };
        Self {
            name,
            color,
            points: thinned(points),
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::backend::TestBackend;

    use super::{Dashboard, HEIGHT};
    use crate::train::{Event, Losses};

    fn step(iteration: usize, total: f64) -> Event {
        Event::Step {
            iteration,
            losses: Losses {
                total,
                supervised: total / 2.0,
                masked: None,
                consistency: None,
            },
            learning_rate: 0.1,
            momentum: None,
            loss_scale: None,
            seconds: 2.0,
            loading_seconds: 0.0,
            remaining_seconds: 61.0,
        }
    }

    /// What stands on the screen, line by line.
    fn screen(dashboard: &Dashboard<TestBackend>) -> String {
        dashboard.terminal.backend().to_string()
    }

    #[test]
    fn progress_losses_and_dice_are_on_the_screen() {
        let backend = TestBackend::new(100, HEIGHT + 4);
        let mut dashboard = Dashboard::new(backend, 40).expect("a screen");
        dashboard.event(&step(1, 4.0));
        dashboard.event(&step(20, 1.5));
        let seen = screen(&dashboard);
        assert!(seen.contains("20/40, 2.00 s/step, 1 min 01 s left"), "{seen}");
        assert!(seen.contains("total 1.500"), "{seen}");
        assert!(seen.contains("supervised 0.750"), "{seen}");
        assert!(seen.contains("4.00"), "the axis ends at the highest: {seen}");
        assert!(!seen.contains("masked") && !seen.contains("Dice"), "{seen}");
        dashboard.event(&Event::Validated {
            iteration: 20,
            dice: 0.625,
            left_out: Vec::new(),
            labels: Vec::new(),
            best: true,
        });
        let seen = screen(&dashboard);
        assert!(seen.contains("validation Dice 0.625"), "{seen}");
        assert!(seen.contains("the best so far"), "{seen}");
    }
}
