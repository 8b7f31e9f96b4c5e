//! Tube masks: one pattern of masked tokens, the same in every plane along the tube's axis.

use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use rand::seq::SliceRandom;

/// Which tokens of a grid are masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TubeMask {
    /// Row-major over the token grid `[depth, height, width]`; true = masked.
    pub tokens: Vec<bool>,
}

impl TubeMask {
    /// Draws a mask over `grid` whose tubes run along `axis` (0 depth, 1 height, 2 width).
    ///
    /// As in the released code, an exact number of tubes is masked: `ratio` times the tokens of one
    /// plane, rounded down. (The paper's text has a Bernoulli draw per tube.) Where that would be
    /// none, one of several tubes is masked, so that a small patch is not left without the method.
    pub fn draw(grid: [usize; 3], axis: usize, ratio: f64, rng: &mut impl Rng) -> Self {
        let plane: Vec<usize> = (0..3).filter(|&a| a != axis).map(|a| grid[a]).collect();
        let tubes = plane[0] * plane[1];
        let least = usize::from(ratio > 0.0 && tubes > 1);
        let masked = ((ratio * tubes as f64) as usize).clamp(least, tubes);
        let mut pattern = vec![false; tubes];
        pattern[..masked].fill(true);
        pattern.shuffle(rng);

        let mut tokens = Vec::with_capacity(grid.iter().product());
        for d in 0..grid[0] {
            for h in 0..grid[1] {
                for w in 0..grid[2] {
                    let (row, column) = match axis {
                        0 => (h, w),
                        1 => (d, w),
                        _ => (d, h),
                    };
                    tokens.push(pattern[row * plane[1] + column]);
                }
            }
        }
        Self { tokens }
    }

    /// The mask as a tensor that a backbone can apply.
    pub fn on(&self, device: &Device) -> TokenMask {
        let values: Vec<f32> = self.tokens.iter().map(|&m| f32::from(m)).collect();
        let count = values.len();
        TokenMask {
            masked: Tensor::from_data(TensorData::new(values, [1, count, 1]), device),
        }
    }
}

/// A mask on a device, shared by all samples of a batch.
#[derive(Clone, Debug)]
pub struct TokenMask {
    /// `[1, token, 1]`; 1 = masked.
    masked: Tensor<3>,
}

impl TokenMask {
    /// Replaces the masked ones of `tokens` (`[batch, token, channel]`) by `mask_token`
    /// (`[1, 1, channel]`). Whatever they held is gone, their position included.
    pub fn apply(&self, tokens: Tensor<3>, mask_token: Tensor<3>) -> Tensor<3> {
        let kept = self.masked.clone().neg().add_scalar(1.0);
        tokens * kept + mask_token * self.masked.clone()
    }

    /// Replaces the voxels of masked cells of `x` (`[batch, channel, d, h, w]`) by `mask_token`
    /// (`[1, channel, 1, 1, 1]`). A cell is `side`³ voxels, the last along an axis perhaps less.
    pub fn apply_to_voxels(&self, x: Tensor<5>, side: usize, mask_token: Tensor<5>) -> Tensor<5> {
        let [_, _, d, h, w] = x.dims();
        let [gd, gh, gw] = [d, h, w].map(|size| size.div_ceil(side));
        let masked = self
            .masked
            .clone()
            .reshape([gd, 1, gh, 1, gw, 1])
            .expand([gd, side, gh, side, gw, side])
            .reshape([1, 1, gd * side, gh * side, gw * side])
            .narrow(2, 0, d)
            .narrow(3, 0, h)
            .narrow(4, 0, w);
        let kept = masked.clone().neg().add_scalar(1.0);
        x * kept + mask_token * masked
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::TubeMask;

    fn draw(grid: [usize; 3], axis: usize, ratio: f64) -> Vec<bool> {
        TubeMask::draw(grid, axis, ratio, &mut ChaCha8Rng::seed_from_u64(1)).tokens
    }

    #[test]
    fn as_many_tubes_are_masked_as_in_the_released_code() {
        // Masked tokens of one plane, from the released generator's formula.
        for (grid, ratio, expected) in [
            ([6, 6, 6], 0.6, 21),
            ([32, 32, 32], 0.4, 409),
            ([14, 40, 40], 0.4, 640),
            ([2, 3, 2], 0.4, 2),
            ([1, 1, 2], 0.4, 1),
            ([4, 1, 1], 0.4, 0),
        ] {
            let mask = draw(grid, 0, ratio);
            let plane = grid[1] * grid[2];
            assert_eq!(mask.len(), grid[0] * plane);
            for slice in mask.chunks(plane) {
                assert_eq!(slice.iter().filter(|&&m| m).count(), expected, "{grid:?}");
                assert_eq!(slice, &mask[..plane], "every plane has the same pattern");
            }
        }
    }

    #[test]
    fn tubes_run_along_the_axis_that_is_asked_for() {
        let [depth, height, width] = [3, 4, 5];
        let at = |mask: &[bool], d: usize, h: usize, w: usize| mask[(d * height + h) * width + w];
        let along_width = draw([depth, height, width], 2, 0.5);
        let along_height = draw([depth, height, width], 1, 0.5);
        for d in 0..depth {
            for h in 0..height {
                for w in 0..width {
                    assert_eq!(at(&along_width, d, h, w), at(&along_width, d, h, 0));
                    assert_eq!(at(&along_height, d, h, w), at(&along_height, d, 0, w));
                }
            }
        }
        assert_eq!(along_width.iter().filter(|&&m| m).count(), 6 * width);
    }
}
