//! How long a runner still takes.

use std::time::Duration;

/// Estimates the time that is left from that of the cells so far.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Wall time of each cell that was done from its first step to its last case.
    whole: Vec<Duration>,
    /// Wall time spent on the current cell.
    spent: Duration,
    /// Whether the current cell was begun earlier, so that its time says little about others.
    resumed: bool,
    /// The trainer's own estimate of what is left of the current cell's training, in seconds.
    training: Option<f64>,
}

impl Pace {
    /// A cell begins.
    pub fn begin(&mut self, resumed: bool) {
        (self.spent, self.resumed, self.training) = (Duration::ZERO, resumed, None);
    }

    /// Time has been spent on the current cell.
    pub fn spend(&mut self, time: Duration) {
        self.spent += time;
    }

    /// The current cell's training is estimated to take so many seconds more.
    pub fn estimate(&mut self, seconds: f64) {
        self.training = Some(seconds);
    }

    /// The current cell is done.
    pub fn finish(&mut self) {
        if !self.resumed {
            self.whole.push(self.spent);
        }
        self.begin(false);
    }

    /// Estimated seconds until the current cell and `open` more are done; `None` before there is anything to go by.
    pub fn remaining(&self, open: usize) -> Option<f64> {
        let spent = self.spent.as_secs_f64();
        let mean = (!self.whole.is_empty())
            .then(|| self.whole.iter().sum::<Duration>().as_secs_f64() / self.whole.len() as f64);
        // A cell is also measured, which the trainer does not know of.
        let rest = mean.filter(|_| !self.resumed).map(|mean| (mean - spent).max(0.0));
        let current = match (self.training, rest) {
            (Some(training), Some(rest)) => training.max(rest),
            (training, rest) => training.or(rest)?,
        };
        let each = mean.unwrap_or(spent + current);
        Some(current + open as f64 * each)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pace;

    #[test]
    fn what_is_left_follows_from_the_cells_so_far() {
        let seconds = Duration::from_secs;
        let mut pace = Pace::default();
        pace.begin(false);
        assert_eq!(pace.remaining(2), None);
        pace.spend(seconds(10));
        pace.estimate(30.0);
        // 30 of this one, and 40 for each of the others.
        assert_eq!(pace.remaining(2), Some(110.0));
        pace.spend(seconds(40));
        pace.finish();
        // It took 50, with its measurement.
        pace.begin(false);
        pace.spend(seconds(5));
        pace.estimate(35.0);
        assert_eq!(pace.remaining(1), Some(45.0 + 50.0));
        pace.estimate(60.0);
        assert_eq!(pace.remaining(1), Some(60.0 + 50.0));
    }

    #[test]
    fn a_resumed_cell_does_not_count_as_a_whole_one() {
        let mut pace = Pace::default();
        pace.begin(true);
        pace.spend(Duration::from_secs(1));
        pace.estimate(2.0);
        pace.finish();
        assert_eq!(pace.remaining(3), None);
    }
}
