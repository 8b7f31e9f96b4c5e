//! The EMA teacher's momentum: a number, or fitted to the length of a run; and its schedule.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The paper's momentum at the first step.
const PAPER: f64 = 0.996;

/// The fraction of its random initialization that a teacher may still contain at the end of a run.
const LEFT: f64 = 1e-3;

/// The name of a fitted momentum in files.
const FITTED: &str = "fitted";

/// The teacher's momentum at the first step, 0 to 1. In files it is a number, or `"fitted"`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Momentum {
    /// Fitted to the length of the run; see [`Momentum::at_start`].
    #[default]
    Fitted,
    /// This number.
    Of(f64),
}

impl Momentum {
    /// The paper's, 0.996.
    pub const PAPER: Self = Self::Of(PAPER);

    /// The momentum at the first of `steps` steps.
    ///
    /// The paper's momentum is made for long runs: after 300 steps, more than half of its teacher is still the random
    /// initialization, and the masked student is drawn toward that. A fitted momentum starts where the cosine leaves a
    /// thousandth of the initialization, and never above the paper's, which is reached at some 3,450 steps. Our choice,
    /// not the paper's.
    pub fn at_start(self, steps: usize) -> f64 {
        match self {
            Self::Of(momentum) => momentum,
            Self::Fitted => {
                // The initialization's share is the product of all momenta: about exp(−(1 − m) · steps / 2).
                let needed = -2.0 * LEFT.ln() / steps.max(1) as f64;
                (1.0 - needed).clamp(0.0, PAPER)
            }
        }
    }
}

/// Schedule of the teacher's momentum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MomentumSchedule {
    /// A cosine over all steps (section 3.6).
    #[default]
    Cosine,
    /// The released UNETR trainer: one update after each epoch, with the value of a 50-epoch warmup at the last step of
    /// its first epoch.
    ReleasedUnetr,
    /// The released nnFormer trainer: at each step the value of a 20-epoch warmup at that step of its first epoch.
    ReleasedNnformer,
}

impl From<f64> for Momentum {
    fn from(momentum: f64) -> Self {
        Self::Of(momentum)
    }
}

impl Serialize for Momentum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fitted => serializer.serialize_str(FITTED),
            Self::Of(momentum) => serializer.serialize_f64(*momentum),
        }
    }
}

impl<'de> Deserialize<'de> for Momentum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrWord;

        impl Visitor<'_> for NumberOrWord {
            type Value = Momentum;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                write!(f, "a number from 0 to 1, or {FITTED:?}")
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Momentum, E> {
                Ok(Momentum::Of(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Momentum, E> {
                Ok(Momentum::Of(value as f64))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Momentum, E> {
                Ok(Momentum::Of(value as f64))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Momentum, E> {
                match value {
                    FITTED => Ok(Momentum::Fitted),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(value), &self)),
                }
            }
        }

        deserializer.deserialize_any(NumberOrWord)
    }
}
