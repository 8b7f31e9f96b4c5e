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

/// How Dice and cross entropy follow from a batch's sums over voxels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DiceOfSums {
    /// Whether Dice includes the first class. Cross entropy always does.
    pub background: bool,
    /// Whether Dice pools the batch before the ratio is taken.
    pub batch: bool,
    /// Added to the numerator and to the denominator of Dice.
    pub smooth: [f64; 2],
    /// Weights of Dice and of cross entropy.
    pub weights: [f64; 2],
    /// Voxels of a sample.
    pub voxels: usize,
    /// Terms of a voxel's cross entropy: one, or one for each class.
    pub terms: usize,
}
