//! Partition of a token grid into windows, regular or shifted.

use burn::tensor::{Device, Tensor, TensorData};

/// The partition of a token grid into windows.
///
/// Liu et al., "Swin Transformer" (arXiv 2103.14030). A side not longer than the window is one window and is not
/// shifted. Where a side is not a multiple of the window, zeros are added at its end; attention sees them (MONAI 1.5
/// and nnFormer do the same).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowGrid {
    grid: [usize; 3],
    window: [usize; 3],
    shift: [usize; 3],
}

/// Added to attention scores between regions that the shift brought together.
const APART: f32 = -100.0;

impl WindowGrid {
    /// Windows of at most `window` tokens over `grid`; optionally `shifted` by half a window.
    pub fn new(grid: [usize; 3], window: [usize; 3], shifted: bool) -> Self {
        let fits = |axis: usize| grid[axis] <= window[axis];
        Self {
            grid,
            window: std::array::from_fn(|axis| window[axis].min(grid[axis])),
            shift: std::array::from_fn(|axis| if shifted && !fits(axis) { window[axis] / 2 } else { 0 }),
        }
    }

    /// Tokens of a window.
    pub fn tokens(&self) -> usize {
        self.window.iter().product()
    }

    /// Windows of a grid.
    pub fn windows(&self) -> usize {
        self.counts().iter().product()
    }

    fn counts(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.grid[axis].div_ceil(self.window[axis]))
    }

    fn padded(&self) -> [usize; 3] {
        let counts = self.counts();
        std::array::from_fn(|axis| counts[axis] * self.window[axis])
    }

    /// `[batch, d, h, w, channel]` → `[batch · window, token, channel]`.
    pub fn cut(&self, mut x: Tensor<5>) -> Tensor<3> {
        let [batch, .., channels] = x.dims();
        if self.padded() != self.grid {
            let end = |axis: usize| (0, self.padded()[axis] - self.grid[axis]);
            x = x.pad([(0, 0), end(0), end(1), end(2), (0, 0)], 0.0);
        }
        for (axis, &shift) in self.shift.iter().enumerate() {
            x = rotate(x, axis + 1, shift);
        }
        let ([nd, nh, nw], [wd, wh, ww]) = (self.counts(), self.window);
        x.reshape([batch, nd, wd, nh, wh, nw, ww, channels])
            .permute([0, 1, 3, 5, 2, 4, 6, 7])
            .reshape([batch * self.windows(), self.tokens(), channels])
    }

    /// The inverse of [`cut`](Self::cut), without the padding.
    pub fn join(&self, windows: Tensor<3>) -> Tensor<5> {
        let [count, _, channels] = windows.dims();
        let batch = count / self.windows();
        let ([nd, nh, nw], [wd, wh, ww]) = (self.counts(), self.window);
        let [pd, ph, pw] = self.padded();
        let mut x = windows
            .reshape([batch, nd, nh, nw, wd, wh, ww, channels])
            .permute([0, 1, 4, 2, 5, 3, 6, 7])
            .reshape([batch, pd, ph, pw, channels]);
        for (axis, side) in self.padded().into_iter().enumerate() {
            x = rotate(x, axis + 1, (side - self.shift[axis]) % side);
            if side != self.grid[axis] {
                x = x.narrow(axis + 1, 0, self.grid[axis]);
            }
        }
        x
    }

    /// `[window, token, token]`: 0 between tokens that were neighbors before the shift, −100
    /// between those that it brought together from opposite ends. `None` without a shift.
    pub fn shift_mask(&self, device: &Device) -> Option<Tensor<3>> {
        if self.shift == [0; 3] {
            return None;
        }
        let (regions, tokens) = (self.regions(), self.tokens());
        let mut values = Vec::with_capacity(regions.len() * tokens);
        for window in regions.chunks(tokens) {
            for query in window {
                values.extend(window.iter().map(|key| if key == query { 0.0 } else { APART }));
            }
        }
        let shape = [self.windows(), tokens, tokens];
        Some(Tensor::from_data(TensorData::new(values, shape), device))
    }

    /// The region of every token, window by window: tokens of one region were one piece before the
    /// shift.
    fn regions(&self) -> Vec<u8> {
        let (padded, counts) = (self.padded(), self.counts());
        let along = |axis: usize, place: usize| -> u8 {
            let (side, window, shift) = (padded[axis], self.window[axis], self.shift[axis]);
            match place {
                _ if shift == 0 || place < side - window => 0,
                _ if place < side - shift => 1,
                _ => 2,
            }
        };
        let mut regions = Vec::with_capacity(padded.iter().product());
        for window in places(counts) {
            for token in places(self.window) {
                let region = |axis| along(axis, window[axis] * self.window[axis] + token[axis]);
                regions.push(9 * region(0) + 3 * region(1) + region(2));
            }
        }
        regions
    }
}

/// All places of a grid, the last axis fastest.
pub(super) fn places([d, h, w]: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    (0..d * h * w).map(move |i| [i / (h * w), i / w % h, i % w])
}

/// Moves what is at `shift` along `axis` to the front, and what was before it to the end.
fn rotate(x: Tensor<5>, axis: usize, shift: usize) -> Tensor<5> {
    if shift == 0 {
        return x;
    }
    let side = x.dims()[axis];
    let front = x.clone().narrow(axis, shift, side - shift);
    Tensor::cat(vec![front, x.narrow(axis, 0, shift)], axis)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Int, Tensor};
    use futures::executor::block_on;

    use super::WindowGrid;

    fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
        let data = block_on(x.into_data_async()).expect("the device answers");
        data.try_into_vec().expect("f32")
    }

    #[test]
    fn joining_undoes_cutting() {
        let device = Device::flex();
        for (grid, window, shifted) in [
            ([5, 7, 4], [3, 3, 4], true),
            ([4, 4, 4], [2, 2, 2], true),
            ([3, 2, 6], [7, 7, 3], false),
        ] {
            let [d, h, w] = grid;
            let x = Tensor::<1, Int>::arange(0..(2 * d * h * w * 3) as i64, &device)
                .float()
                .reshape([2, d, h, w, 3]);
            let windows = WindowGrid::new(grid, window, shifted);
            let cut = windows.cut(x.clone());
            assert_eq!(cut.dims()[0], 2 * windows.windows());
            assert_eq!(values(windows.join(cut)), values(x), "{grid:?} {window:?}");
        }
    }

    #[test]
    fn a_shifted_row_of_six_in_windows_of_four_by_hand() {
        // Six tokens 0 to 5, padded to eight (p), shifted by two: 2 3 4 5 | p p 0 1.
        let device = Device::flex();
        let row = WindowGrid::new([1, 1, 6], [1, 1, 4], true);
        let x = Tensor::<1, Int>::arange(1..7, &device).float();
        let cut = values(row.cut(x.reshape([1, 1, 1, 6, 1])));
        assert_eq!(cut, [3.0, 4.0, 5.0, 6.0, 0.0, 0.0, 1.0, 2.0]);
        let mask = values(row.shift_mask(&device).expect("it is shifted"));
        let (first, second) = mask.split_at(16);
        assert_eq!(first, [0.0; 16], "one piece");
        let pieces = [0, 0, 1, 1];
        for (i, &value) in second.iter().enumerate() {
            let apart = pieces[i / 4] != pieces[i % 4];
            assert_eq!(value, if apart { -100.0 } else { 0.0 });
        }
    }

    #[test]
    fn a_side_that_fits_is_one_straight_window() {
        let windows = WindowGrid::new([6, 6, 6], [7, 7, 7], true);
        assert_eq!((windows.windows(), windows.tokens()), (1, 216));
        assert!(windows.shift_mask(&Device::flex()).is_none());
    }
}
