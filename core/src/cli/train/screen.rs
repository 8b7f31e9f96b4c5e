//! What a training run shows: a dashboard on a terminal, lines elsewhere.

use super::dashboard::Dashboard;
use super::sentence::sentence;
use crate::cli::console::{Console, Progress};
use crate::train::Event;

/// The part of the screen that belongs to a run.
pub(super) enum Screen {
    /// Loss curves, redrawn after each step.
    Dashboard(Box<Dashboard>),
    /// Occasional lines of text.
    Lines(Lines),
}

/// Progress in words.
pub(super) struct Lines {
    progress: Progress,
    /// Smoothed loss.
    smooth: Option<f64>,
    /// About other runs, with what separates it from this one's progress.
    outlook: String,
}

impl Screen {
    /// For a run of `iterations` steps.
    pub fn new(console: &Console, iterations: usize) -> Self {
        let dashboard = console.has_screen().then(|| Dashboard::on_terminal(iterations));
        match dashboard.flatten() {
            Some(dashboard) => Self::Dashboard(Box::new(dashboard)),
            None => Self::Lines(Lines {
                progress: console.progress(iterations, "step"),
                smooth: None,
                outlook: String::new(),
            }),
        }
    }

    /// Sets what stands before the progress of every step, such as `fold 1 of 5, 2 min left in all`.
    pub fn outlook(&mut self, outlook: String) {
        let outlook = format!("{outlook}; ");
        match self {
            Self::Dashboard(dashboard) => dashboard.outlook(outlook),
            Self::Lines(lines) => lines.outlook = outlook,
        }
    }

    /// Shows one event.
    pub fn event(&mut self, event: &Event) {
        match self {
            Self::Dashboard(dashboard) => dashboard.event(event),
            Self::Lines(lines) => lines.event(event),
        }
    }

    /// Releases the screen.
    pub fn close(self) {
        match self {
            Self::Dashboard(dashboard) => dashboard.close(),
            Self::Lines(lines) => lines.progress.clear(),
        }
    }
}

impl Lines {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Step {
                iteration,
                losses,
                seconds,
                remaining_seconds,
                ..
            } => {
                let smooth = self.smooth.map_or(losses.total, |old| 0.9 * old + 0.1 * losses.total);
                self.smooth = Some(smooth);
                let detail = format!("{}loss {smooth:.4}, {seconds:.2} s/step,", self.outlook);
                self.progress.at(*iteration, *remaining_seconds, &detail);
            }
            _ => {
                if let Some(line) = sentence(event) {
                    self.progress.say(&line);
                }
            }
        }
    }
}
