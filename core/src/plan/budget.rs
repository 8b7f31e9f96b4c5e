//! What a training run may cost.

use super::{PlanError, Result, Speed};
use crate::device::{self, DeviceKind, available_memory};
use crate::train::TrainConfig;

/// Multiply-adds of a training step for each one of a forward pass: the gradients of inputs and of weights cost as
/// much as the pass itself.
const STEP: f64 = 3.0;

/// Two years: what is longer is a mistake.
const MOST_MINUTES: f64 = 1e6;

/// The share of a machine's free memory that training may take.
const MEMORY_SHARE: f64 = 0.8;

/// Time and memory of a training run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Wall time of training in minutes.
    pub minutes: f64,
    /// How fast the device trains.
    pub speed: Speed,
    /// Memory of a training step in bytes, of all its patches together.
    pub memory: u64,
    /// Whether one network is trained even where two stages would find more.
    pub single_stage: bool,
    /// How many patches are computed at the same time: the coordinator's and one of each worker
    /// ([`Trainer::share_with`](crate::train::Trainer::share_with)); at least 1.
    pub at_once: usize,
}

impl Budget {
    /// Half an hour on one thread of a CPU, in the memory of a page.
    pub const DEFAULT: Self = Self {
        minutes: 30.0,
        speed: Speed::CPU_THREAD,
        memory: 3 << 30,
        single_stage: false,
        at_once: 1,
    };

    /// Wall time of a training step in seconds.
    pub fn step_seconds(&self, config: &TrainConfig, channels: usize, outputs: usize) -> f64 {
        self.speed.seconds(step_cost(config, channels, outputs))
    }

    /// Training steps of so many seconds that the time allows; at least one.
    pub fn steps_of(&self, seconds: f64) -> usize {
        ((60.0 * self.minutes / seconds) as usize).max(1)
    }

    /// Training steps of `seconds` that the time allows after the first stage of a cascade, if there is one; at least
    /// one.
    pub fn steps_left(&self, config: &TrainConfig, seconds: f64, channels: usize, outputs: usize) -> usize {
        let first = config.coarse.iter().map(|first| {
            let seconds = self.step_seconds(first, channels, outputs);
            first.iterations as f64 * seconds / 60.0
        });
        let minutes = (self.minutes - first.sum::<f64>()).max(0.0);
        Self { minutes, ..*self }.steps_of(seconds)
    }

    /// Half an hour on a kind of device, before its speed is measured: as that of a CPU's threads. Where the memory for
    /// a step is not known, [`Budget::DEFAULT`]'s.
    pub fn of(kind: &DeviceKind) -> Self {
        Self {
            speed: Speed::CPU_THREAD.times(device::threads()),
            memory: Memory::of(kind).step.unwrap_or(Self::DEFAULT.memory),
            ..Self::DEFAULT
        }
    }

    /// Checks that the budget is one.
    ///
    /// # Errors
    /// When it has no time, or a device that does not compute.
    pub(super) fn check(&self) -> Result<()> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        match positive(self.minutes) && self.minutes <= MOST_MINUTES && positive(self.speed.rate) {
            true => Ok(()),
            false => Err(PlanError::NoBudget(self.minutes)),
        }
    }
}

/// Memory that training may take, in bytes; `None` where it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Of all prepared cases together.
    pub cases: Option<u64>,
    /// Of a training step.
    pub step: Option<u64>,
}

impl Memory {
    /// The share of this machine's free memory, where the system tells: for the cases, and for a step on a CPU. That of
    /// a GPU is not known.
    pub fn of(kind: &DeviceKind) -> Self {
        let free = available_memory().map(|bytes| (bytes as f64 * MEMORY_SHARE) as u64);
        Self {
            cases: free,
            step: free.filter(|_| *kind == DeviceKind::Cpu),
        }
    }
}

/// Multiply-adds of a training step.
pub(super) fn step_cost(config: &TrainConfig, channels: usize, outputs: usize) -> f64 {
    let network = config.resolved_network();
    let forward = network.multiply_adds(channels, outputs, config.patch) as f64;
    let method = &config.medcontext;
    let masked = if method.has_masked_view() {
        1.0 - method.delay
    } else {
        0.0
    };
    // The teacher's pass has no gradients.
    let teacher = if method.has_teacher() { masked / STEP } else { 0.0 };
    STEP * (1.0 + masked + teacher) * forward * config.patches_per_step() as f64
}
