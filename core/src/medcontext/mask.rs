//! Tube masks: one pattern of masked tokens, the same in every plane along the tube's axis.

use burn::tensor::Device;
use rand::Rng;
use rand::seq::SliceRandom;

use super::{MaskSampling, MedContext};
use crate::nn::TokenMask;

/// Which tokens of a grid are masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TubeMask {
    /// Row-major over the token grid `[depth, height, width]`; true = masked.
    pub tokens: Vec<bool>,
}

impl TubeMask {
    /// Draws a mask over `grid` whose tubes run along `axis` (0 depth, 1 height, 2 width), by
    /// [valid](MedContext::check) settings.
    ///
    /// As in the released code, one plane is drawn and repeated along the tube. Where the exact mask ratio would give
    /// no tube, one of several is masked, so that the method also applies to small patches.
    pub fn draw(grid: [usize; 3], axis: usize, settings: &MedContext, rng: &mut impl Rng) -> Self {
        let plane: Vec<usize> = (0..3).filter(|&a| a != axis).map(|a| grid[a]).collect();
        let unit = settings.mask_unit.max(1);
        let cells = [plane[0].div_ceil(unit), plane[1].div_ceil(unit)];
        let pattern = pattern(cells[0] * cells[1], settings, rng);

        let mut tokens = Vec::with_capacity(grid.iter().product());
        for d in 0..grid[0] {
            for h in 0..grid[1] {
                for w in 0..grid[2] {
                    let (row, column) = match axis {
                        0 => (h, w),
                        1 => (d, w),
                        _ => (d, h),
                    };
                    tokens.push(pattern[row / unit * cells[1] + column / unit]);
                }
            }
        }
        Self { tokens }
    }

    /// The mask as a tensor for a backbone.
    pub fn on(&self, device: &Device) -> TokenMask {
        TokenMask::new(&self.tokens, device)
    }
}

/// Which of `count` tubes are masked.
fn pattern(count: usize, settings: &MedContext, rng: &mut impl Rng) -> Vec<bool> {
    let ratio = settings.mask_ratio;
    match settings.mask_sampling {
        MaskSampling::Exact => {
            let least = usize::from(ratio > 0.0 && count > 1);
            let masked = ((ratio * count as f64) as usize).clamp(least, count);
            let mut pattern = vec![false; count];
            pattern[..masked].fill(true);
            pattern.shuffle(rng);
            pattern
        }
        MaskSampling::Bernoulli => (0..count).map(|_| rng.random_bool(ratio)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::TubeMask;
    use crate::medcontext::{MaskSampling, MedContext};

    fn draw_as(grid: [usize; 3], axis: usize, settings: &MedContext, seed: u64) -> Vec<bool> {
        TubeMask::draw(grid, axis, settings, &mut ChaCha8Rng::seed_from_u64(seed)).tokens
    }

    fn draw(grid: [usize; 3], axis: usize, mask_ratio: f64) -> Vec<bool> {
        let settings = MedContext {
            mask_ratio,
            ..MedContext::paper()
        };
        draw_as(grid, axis, &settings, 1)
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

    #[test]
    fn a_bernoulli_mask_has_the_ratio_on_average_only() {
        let settings = MedContext {
            mask_sampling: MaskSampling::Bernoulli,
            ..MedContext::paper()
        };
        let counts: Vec<usize> = (0..400)
            .map(|seed| draw_as([1, 10, 10], 0, &settings, seed))
            .map(|mask| mask.iter().filter(|&&m| m).count())
            .collect();
        let mean = counts.iter().sum::<usize>() as f64 / 400.0;
        // 400 draws of 100 tubes: the standard error of the mean is √(0.24 · 100 / 400) = 0.245.
        assert!((mean - 40.0).abs() < 1.0, "{mean}");
        assert!(counts.iter().any(|&count| count != counts[0]));
    }

    #[test]
    fn a_unit_of_several_tokens_is_masked_together() {
        let settings = MedContext {
            mask_unit: 2,
            mask_ratio: 0.5,
            ..MedContext::paper()
        };
        // Six by five tokens are three by three units, the last column of them cut: four are masked.
        let mask = draw_as([1, 6, 5], 0, &settings, 3);
        let at = |row: usize, column: usize| mask[row * 5 + column];
        let mut units = 0;
        for row in (0..6).step_by(2) {
            for column in (0..5).step_by(2) {
                units += usize::from(at(row, column));
                assert_eq!(at(row, column), at(row + 1, column));
                assert_eq!(at(row, column), at(row, (column + 1).min(4)));
            }
        }
        assert_eq!(units, 4);
    }
}
