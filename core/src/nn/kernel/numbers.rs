//! Constants and parameters shared by the CPU kernels and burn's generic operations.

/// Added to every variance of an instance norm.
pub(super) const EPSILON: f64 = 1e-5;

/// The parameters of a step of AdamW (Loshchilov and Hutter, arXiv 1711.05101).
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdamW {
    /// Learning rate.
    pub rate: f32,
    /// Weight decay.
    pub decay: f32,
    /// β of both moments: how much of them is kept.
    pub kept: [f32; 2],
    /// 1 − β of both moments: how much of the new value is added.
    pub added: [f32; 2],
    /// Bias corrections: the moments are divided by these because they start at zero.
    pub corrections: [f32; 2],
    /// Added to the denominator.
    pub epsilon: f32,
}
