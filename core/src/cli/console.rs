//! What the user sees: a progress bar on a terminal, plain lines elsewhere.

use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use indicatif::{ProgressBar, ProgressStyle};

use crate::duration;

/// Where a command writes.
pub(super) struct Console {
    quiet: bool,
    terminal: bool,
}

impl Console {
    pub fn new(quiet: bool) -> Self {
        Self {
            quiet,
            terminal: std::io::stderr().is_terminal(),
        }
    }

    /// A line of result or state.
    pub fn say(&self, line: impl AsRef<str>) {
        if !self.quiet {
            print_line(line.as_ref());
        }
    }

    /// A line about something that went wrong but does not end the command.
    pub fn warn(&self, line: impl AsRef<str>) {
        print_error(line.as_ref());
    }

    /// Whether there is a terminal to draw on.
    pub fn has_screen(&self) -> bool {
        !self.quiet && self.terminal && std::io::stdout().is_terminal()
    }

    /// Progress over `length` units.
    pub fn progress(&self, length: usize, unit: &'static str) -> Progress {
        let bar = (self.terminal && !self.quiet).then(|| {
            let bar = ProgressBar::new(length as u64);
            let template = "{bar:32} {pos}/{len} {msg}";
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Progress {
            bar,
            lines: !self.quiet,
            length,
            unit,
            said: 0,
        }
    }
}

/// Prints a line of results. Where nobody reads any further, as after `core … | head`, the command goes on without a
/// word; where they cannot be written, as on a full disk, it ends.
pub(super) fn print_line(line: &str) {
    let written = writeln!(std::io::stdout().lock(), "{line}");
    if let Some(error) = written.err().filter(|error| error.kind() != ErrorKind::BrokenPipe) {
        print_error(&format!(
            "error: the output cannot be written: {error}; make room, or write it elsewhere"
        ));
        std::process::exit(1);
    }
}

/// Prints a line about what went wrong, if anybody reads it.
pub(super) fn print_error(line: &str) {
    // There is no other place to tell that this one is closed.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Progress of one long piece of work.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    lines: bool,
    length: usize,
    unit: &'static str,
    /// Twentieths that a line has been written for.
    said: usize,
}

impl Progress {
    /// Reports that `done` units are done; without a terminal, prints a line for every twentieth.
    pub fn at(&mut self, done: usize, remaining_seconds: f64, detail: &str) {
        let left = format!("{detail} {} left", duration::in_words(remaining_seconds));
        if let Some(bar) = &self.bar {
            bar.set_position(done as u64);
            bar.set_message(left);
            return;
        }
        let part = done * 20 / self.length.max(1);
        if self.lines && (part > self.said || done == 1) {
            self.said = part;
            print_line(&format!("{} {done}/{} {left}", self.unit, self.length));
        }
    }

    /// Sets the number of units, which may turn out to be larger.
    pub fn set_length(&mut self, length: usize) {
        self.said = self.said * self.length / length.max(1);
        self.length = length;
        if let Some(bar) = &self.bar {
            bar.set_length(length as u64);
        }
    }

    /// Prints a line above the progress.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None if self.lines => print_line(line),
            None => {}
        }
    }

    /// Removes the progress.
    pub fn clear(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A flag that Ctrl-C raises, one for the whole program; a second Ctrl-C ends it at once.
pub(super) fn interrupt_flag() -> Arc<AtomicBool> {
    // The system takes one handler only.
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    let begin = || {
        let flag = Arc::new(AtomicBool::new(false));
        let raised = flag.clone();
        let handler = move || {
            if raised.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
        };
        if let Err(error) = ctrlc::set_handler(handler) {
            tracing::warn!("Ctrl-C will not save: {error}");
        }
        flag
    };
    FLAG.get_or_init(begin).clone()
}
