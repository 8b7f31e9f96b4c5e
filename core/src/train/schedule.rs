//! Learning-rate schedules.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// Learning rate schedule after the warmup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RateSchedule {
    /// Half a cosine to zero (UNETR, SwinUNETR).
    #[default]
    Cosine,
    /// `(1 − t)^0.9` (nnFormer, as nnU-Net).
    Poly,
    /// Constant.
    Constant,
}

impl RateSchedule {
    /// Factor on the learning rate at `step` (from 0) of `total`, after a linear warmup over `warmup` steps.
    pub fn factor(self, step: usize, warmup: usize, total: usize, count: Warmup) -> f64 {
        if step < warmup || self == Self::Cosine {
            return warmup_cosine(step, warmup, total, count);
        }
        match self {
            Self::Poly => poly(step - warmup, total.saturating_sub(warmup)),
            Self::Cosine | Self::Constant => 1.0,
        }
    }
}

/// `(1 − step / total)^0.9`.
pub fn poly(step: usize, total: usize) -> f64 {
    let progress = step as f64 / total.max(1) as f64;
    (1.0 - progress.min(1.0)).powf(0.9)
}

/// How a linear warmup counts its steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Warmup {
    /// Step `i` of `n` has the factor `(i + 1) / n`: the first step already learns.
    #[default]
    Next,
    /// `i / n`, as MONAI 1.5's `WarmupCosineSchedule`: the first step has a learning rate of 0.
    Monai,
    /// `i / (n − 1)`, as the released MedContext code for UNETR and SwinUNETR's own code, both of which count epochs:
    /// the first has a learning rate of 0.
    Released,
}

/// Factor on the learning rate at `step` (from 0) of `total`: linear warmup over `warmup` steps, then half a cosine to
/// 0.
pub fn warmup_cosine(step: usize, warmup: usize, total: usize, count: Warmup) -> f64 {
    if step < warmup {
        let (step, warmup) = (step as f64, warmup as f64);
        return match count {
            Warmup::Next => (step + 1.0) / warmup,
            Warmup::Monai => step / warmup,
            Warmup::Released => step / (warmup - 1.0).max(1.0),
        };
    }
    let progress = (step - warmup) as f64 / total.saturating_sub(warmup).max(1) as f64;
    0.5 * (1.0 + (PI * progress.min(1.0)).cos())
}
