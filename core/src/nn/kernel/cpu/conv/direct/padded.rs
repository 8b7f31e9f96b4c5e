//! Volumes with zeros around them.

use super::super::geometry::Geometry;
use crate::nn::kernel::cpu::work::fill;

/// Shortest plane, in positions, for which the direct method is faster.
const SHORTEST: usize = 256;

/// Taps of one line of the kernel, and zeros on each side of a volume.
pub(super) const LINE: usize = 3;
pub(super) const HALF: usize = LINE / 2;

/// Zeros after the last plane, for vectors that reach past its end.
pub(super) const TAIL: usize = 64;

/// Whether the direct method supports the kernel, and planes are long enough for it.
pub(in super::super) fn suits(g: &Geometry) -> bool {
    g.kernel == LINE && (g.size[2] + g.kernel - 1) * g.size[1] >= SHORTEST
}

/// A volume with a margin of zeros.
pub(super) struct Padded {
    pub values: Vec<f32>,
    /// Positions from one row, plane, channel and sample to the next.
    pub row: usize,
    pub plane: usize,
    pub channel: usize,
    pub sample: usize,
}

impl Padded {
    /// Copies `[batch, channels, d, h, w]` with half a kernel's zeros around every volume.
    pub(super) fn new(g: &Geometry, x: &[f32], channels: usize) -> Self {
        let [depth, height, width] = g.size;
        let row = width + 2 * HALF;
        let plane = row * (height + 2 * HALF);
        let planes = depth + 2 * HALF;
        let length = g.batch * channels * planes * plane + TAIL;
        let (values, _) = fill(length, plane, |index, target| {
            // The tail is where another volume's margin would begin.
            let inside = (index % planes).checked_sub(HALF).filter(|&z| z < depth);
            let Some(z) = inside else {
                return target.put_zeros(target.len());
            };
            let source = &x[(index / planes * depth + z) * height * width..][..height * width];
            target.put_zeros(HALF * row);
            for source in source.chunks_exact(width) {
                target.put_zeros(HALF);
                target.put_row(source);
                target.put_zeros(HALF);
            }
            target.put_zeros(HALF * row);
        });
        Self {
            values,
            row,
            plane,
            channel: planes * plane,
            sample: channels * planes * plane,
        }
    }
}
