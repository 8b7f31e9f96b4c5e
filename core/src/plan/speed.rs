//! How fast a device trains: its arithmetic, and what each step costs beside it.

use serde::{Deserialize, Serialize};

/// Steps tell the arithmetic from the rest only where one computes at least this many times as much as the other.
const APART: f64 = 1.5;

/// Speed of a device in training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Multiply-adds a second.
    pub rate: f64,
    /// Seconds of a step that do not depend on its arithmetic: drawing a patch, launching kernels, updating weights.
    pub overhead: f64,
}

/// A measured training step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasuredStep {
    /// Its multiply-adds.
    pub cost: f64,
    /// Its wall time in seconds.
    pub seconds: f64,
}

impl Speed {
    /// One thread of a CPU: measured with PCRLv2 tiny on a patch of 32 × 88 × 88 voxels, a step in 1.74 s.
    pub const CPU_THREAD: Self = Self {
        rate: 2.5e10,
        overhead: 0.0,
    };

    /// That of so many such threads together.
    #[must_use]
    pub fn times(self, threads: usize) -> Self {
        Self {
            rate: self.rate * threads as f64,
            ..self
        }
    }

    /// Seconds of a step of so many multiply-adds.
    pub fn seconds(&self, cost: f64) -> f64 {
        self.overhead + cost / self.rate
    }

    /// The speed that measured steps show: the line through the cheapest and the dearest of them, where they are far
    /// enough apart and the line makes sense, else without overhead through the dearest. `None` of no step.
    pub fn of(steps: &[MeasuredStep]) -> Option<Self> {
        let by_cost = |a: &&MeasuredStep, b: &&MeasuredStep| a.cost.total_cmp(&b.cost);
        let (low, high) = (steps.iter().min_by(by_cost)?, steps.iter().max_by(by_cost)?);
        let rate = (high.cost - low.cost) / (high.seconds - low.seconds);
        let overhead = low.seconds - low.cost / rate;
        let apart = high.cost >= APART * low.cost;
        Some(match apart && rate.is_finite() && rate > 0.0 && overhead >= 0.0 {
            true => Self { rate, overhead },
            false => Self {
                rate: high.cost / high.seconds,
                overhead: 0.0,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{MeasuredStep, Speed};

    const CHEAP: MeasuredStep = MeasuredStep {
        cost: 1e9,
        seconds: 0.3,
    };

    #[test]
    fn two_unlike_steps_tell_arithmetic_from_overhead() {
        let dear = MeasuredStep {
            cost: 9e9,
            seconds: 0.7,
        };
        let speed = Speed::of(&[dear, CHEAP]).expect("a speed");
        assert!((speed.rate / 2e10 - 1.0).abs() < 1e-12, "{speed:?}");
        assert!((speed.overhead - 0.25).abs() < 1e-12, "{speed:?}");
        assert!((speed.seconds(5e9) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_step_alone_and_steps_that_make_no_sense_have_no_overhead() {
        let alone = Speed::of(&[CHEAP]).expect("a speed");
        assert_eq!((alone.seconds(1e9), alone.overhead), (0.3, 0.0));
        // Ten times the work in twenty times the time would leave less than nothing for the overhead.
        let slow = MeasuredStep {
            cost: 1e10,
            seconds: 6.0,
        };
        let speed = Speed::of(&[CHEAP, slow]).expect("a speed");
        assert_eq!((speed.seconds(1e10), speed.overhead), (6.0, 0.0));
        // More work in less time.
        let quick = MeasuredStep { seconds: 0.2, ..slow };
        assert_eq!(Speed::of(&[CHEAP, quick]).expect("a speed").overhead, 0.0);
        assert_eq!(Speed::of(&[]), None);
    }
}
