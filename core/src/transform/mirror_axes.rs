//! The axes along which a volume may be mirrored.

use serde::{Deserialize, Serialize};

/// Whether a network may see mirror images along each axis `[depth, height, width]`: in training, where
/// [`Augmentation::flip`](super::Augmentation::flip) is the probability, and in mirror TTA. A network that tells left
/// from right must not be mirrored across the body (nnU-Net's `allowed_mirroring_axes`). It is stored with the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MirrorAxes(pub [bool; 3]);

impl Default for MirrorAxes {
    /// All of them.
    fn default() -> Self {
        Self::ALL
    }
}

impl MirrorAxes {
    /// All axes.
    pub const ALL: Self = Self([true; 3]);

    /// No axis.
    pub const NONE: Self = Self([false; 3]);

    /// Whether volumes may be mirrored along all axes.
    pub fn is_all(&self) -> bool {
        *self == Self::ALL
    }

    /// Every combination of allowed axes, the one without any first: of all axes eight, of two four.
    pub fn combinations(self) -> impl Iterator<Item = [bool; 3]> {
        let combinations = (0..8u8).map(|bits| [0, 1, 2].map(|axis| bits >> axis & 1 == 1));
        combinations.filter(move |mirrored| (0..3).all(|axis| self.0[axis] || !mirrored[axis]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_leave_out_what_is_not_allowed() {
        assert_eq!(MirrorAxes::default().combinations().count(), 8);
        let plane: Vec<[bool; 3]> = MirrorAxes([true, true, false]).combinations().collect();
        let expected = [
            [false, false, false],
            [true, false, false],
            [false, true, false],
            [true, true, false],
        ];
        assert_eq!(plane, expected);
        assert_eq!(MirrorAxes::NONE.combinations().count(), 1);
    }
}
