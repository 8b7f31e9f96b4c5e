//! Loss scaling, so that gradients do not underflow in f16.

use serde::{Deserialize, Serialize};

/// Scale of the first step.
const FIRST: f64 = 65536.0;
/// Steps without an overflow after which the scale is doubled.
const PATIENCE: usize = 2000;

/// A dynamic loss scale, as PyTorch 2.6's `GradScaler` with its defaults: it starts at 2¹⁶, is halved when a gradient
/// overflows, and doubled after 2000 consecutive steps without overflow.
///
/// f16 ends at 65504 and has no values between 0 and 6e-8, where many gradients of a mean over voxels lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossScale {
    /// The factor.
    pub factor: f64,
    /// Steps since it last changed.
    pub steps: usize,
}

impl Default for LossScale {
    fn default() -> Self {
        Self {
            factor: FIRST,
            steps: 0,
        }
    }
}

impl LossScale {
    /// The scale after a step whose gradients were all finite, or were not.
    #[must_use]
    pub fn after(self, finite: bool) -> Self {
        let Self { factor, steps } = self;
        let (factor, steps) = match finite {
            false => (factor / 2.0, 0),
            true if steps + 1 == PATIENCE => (factor * 2.0, 0),
            true => (factor, steps + 1),
        };
        Self { factor, steps }
    }
}

#[cfg(test)]
mod tests {
    use super::LossScale;

    /// `torch.amp.GradScaler("cpu")` of PyTorch 2.6, given the same overflows, has these scales.
    #[test]
    fn scales_are_those_of_pytorch() {
        let mut scale = LossScale::default();
        let mut seen = Vec::new();
        for step in 0..5000 {
            scale = scale.after(![0, 1, 700, 4702].contains(&step));
            if [0, 1, 2, 700, 2699, 2700, 2701, 4700, 4701, 4702].contains(&step) {
                seen.push(scale.factor);
            }
        }
        let expected = [
            32768.0, 16384.0, 16384.0, 8192.0, 8192.0, 16384.0, 16384.0, 32768.0, 32768.0, 16384.0,
        ];
        assert_eq!(seen, expected);
    }
}
