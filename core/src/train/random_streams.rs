//! The random streams of a run. Each purpose has numbers of its own, so that switching one off leaves the
//! others as they are.

/// What the seed of a run is combined with (XOR) for orders of cases, crops and augmentation.
pub(super) const PATCHES: u64 = 0x5EED_CA5E;

/// The same for masks.
pub(super) const MASKS: u64 = 0x7AB3;
