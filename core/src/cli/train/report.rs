//! Writes the run folder and updates the screen from the trainer's events.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::screen::Screen;
use super::settings::STATE;
use crate::cli::console::Console;
use crate::cli::curves::Curves;
use crate::cli::files::{AtomicFile, encoded, lines_until, unwritable, write};
use crate::cli::{Failure, Outcome};
use crate::duration;
use crate::train::{CheckpointKind, Event, Trainer};

/// The files of a run folder.
pub(in crate::cli) const FILES: [&str; 8] = [
    "config.toml",
    "log.jsonl",
    "progress.csv",
    "curves.svg",
    "last.safetensors",
    "best.safetensors",
    "summary.json",
    STATE,
];

/// The step of a line of the log.
fn step_of(line: &str) -> Option<usize> {
    let event: serde_json::Value = serde_json::from_str(line).ok()?;
    event["iteration"].as_u64()?.try_into().ok()
}

/// The run folder and the screen.
pub(in crate::cli) struct RunReport<'a> {
    out: PathBuf,
    log: File,
    curves: Curves,
    screen: Option<Screen>,
    device: String,
    /// Time that steps waited for their batches.
    loading_seconds: f64,
    console: &'a Console,
}

impl<'a> RunReport<'a> {
    /// Starts the files of `out`, or continues them after `done` steps.
    pub fn new(
        out: &Path,
        console: &'a Console,
        iterations: usize,
        device: String,
        done: Option<usize>,
    ) -> Result<Self, Failure> {
        let path = out.join("log.jsonl");
        // A resumed run keeps the lines up to its state; later steps are repeated.
        if let Some(done) = done {
            write(&path, lines_until(&path, done, step_of)?.as_bytes())?;
        }
        let goes_on = done.is_some();
        let log = OpenOptions::new()
            .create(true)
            .write(true)
            .append(goes_on)
            .truncate(!goes_on)
            .open(&path);
        Ok(Self {
            out: out.to_owned(),
            log: log.map_err(|error| unwritable(&path, &error))?,
            curves: Curves::new(out, done)?,
            screen: Some(Screen::new(console, iterations)),
            device,
            loading_seconds: 0.0,
            console,
        })
    }

    /// Sets what the screen says about other runs beside this one's progress.
    pub fn outlook(&mut self, outlook: String) {
        if let Some(screen) = &mut self.screen {
            screen.outlook(outlook);
        }
    }

    /// Saves the run's state beside its last weights.
    pub async fn keep_state(&self, trainer: &Trainer) -> Outcome {
        let mut file = AtomicFile::create(&self.out.join(STATE))?;
        trainer.write_state(&mut file).await?;
        file.finish()
    }

    /// Writes and shows one event.
    pub fn event(&mut self, event: &Event) -> Outcome {
        let path = self.out.join("log.jsonl");
        let line = encoded(&path, serde_json::to_string(event))?;
        writeln!(self.log, "{line}").map_err(|error| unwritable(&path, &error))?;
        self.curves.event(event)?;
        if let Some(screen) = &mut self.screen {
            screen.event(event);
        }
        match event {
            Event::Step { loading_seconds, .. } => self.loading_seconds += loading_seconds,
            Event::Checkpoint { kind, weights, .. } => {
                let name = match kind {
                    CheckpointKind::Last => "last.safetensors",
                    CheckpointKind::Best => "best.safetensors",
                };
                write(&self.out.join(name), weights)?;
            }
            Event::Finished { .. } => self.finish(event)?,
            Event::Validated { left_out, .. } => {
                for why in left_out {
                    self.console.warn(format!("{why}; it was not measured this time"));
                }
            }
            Event::SecondStage { iteration, parameters } => self.console.say(format!(
                "the first stage is trained, in {iteration} steps; the second has {parameters} parameters"
            )),
            Event::Started { .. } => {}
        }
        Ok(())
    }

    fn finish(&mut self, event: &Event) -> Outcome {
        let Event::Finished {
            iteration,
            stopped,
            best_dice,
            seconds,
        } = event
        else {
            return Ok(());
        };
        let summary = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "device": self.device,
            "iterations": iteration,
            "stopped": stopped,
            "best_dice": best_dice,
            "seconds": seconds,
            "seconds_per_iteration": seconds / (*iteration).max(1) as f64,
            "loading_seconds": self.loading_seconds,
        });
        let path = self.out.join("summary.json");
        let text = encoded(&path, serde_json::to_string_pretty(&summary))?;
        write(&path, text.as_bytes())?;
        self.close();
        self.console.say(format!(
            "{iteration} steps in {}; weights are in {}",
            duration::in_words(*seconds),
            self.out.display()
        ));
        Ok(())
    }

    /// Releases the screen.
    pub fn close(&mut self) {
        if let Some(screen) = self.screen.take() {
            screen.close();
        }
    }
}
