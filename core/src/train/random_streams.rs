//! The random streams of a run. Each purpose has its own stream, so that switching one off does not change the others.

/// Combined (XOR) with the seed of a run for case order, crops and augmentation.
pub(super) const PATCHES: u64 = 0x5EED_CA5E;

/// The same for masks.
pub(super) const MASKS: u64 = 0x7AB3;
