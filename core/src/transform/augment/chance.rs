//! Random draws shared by the augmentations.

use rand::Rng;

/// Draws an event of this probability.
pub(super) fn happens(probability: f64, rng: &mut impl Rng) -> bool {
    rng.random_bool(probability.clamp(0.0, 1.0))
}

/// A uniform number from a range; its lower end if the range is empty.
pub(super) fn uniform([low, high]: [f64; 2], rng: &mut impl Rng) -> f64 {
    low + (high - low).max(0.0) * rng.random::<f64>()
}

/// A factor from a range around 1, below 1 and above 1 equally often (batchgenerators 0.21).
pub(super) fn balanced([low, high]: [f64; 2], rng: &mut impl Rng) -> f64 {
    if rng.random_bool(0.5) && low < 1.0 {
        uniform([low, 1.0], rng)
    } else {
        uniform([low.max(1.0), high], rng)
    }
}
