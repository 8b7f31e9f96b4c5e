//! Numbers that an operation takes alike as written for the CPU and as burn has it.

/// Added to every variance of an instance norm.
pub(super) const EPSILON: f64 = 1e-5;

/// The numbers of a step of AdamW (Loshchilov and Hutter, arXiv 1711.05101).
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdamW {
    /// Learning rate.
    pub rate: f32,
    /// Weight decay.
    pub decay: f32,
    /// How much of the moments is kept, and how much is added of what is new: 1 together, before rounding.
    pub kept: [f32; 2],
    pub added: [f32; 2],
    /// What the moments are divided by, because they began at zero.
    pub corrections: [f32; 2],
    /// Added to the denominator.
    pub epsilon: f32,
}
