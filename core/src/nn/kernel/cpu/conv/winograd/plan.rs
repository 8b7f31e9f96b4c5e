//! How a convolution is cut into blocks of tiles, and whether Winograd's method pays off.

use std::ops::Range;

use super::super::geometry::Geometry;
use super::super::registers::block;

/// Outputs of a tile along an axis, and the inputs and points that they need.
pub(super) const TILE: usize = 2;
pub(super) const REACH: usize = 4;

/// Taps of a kernel and points of a tile.
pub(super) const TAPS: usize = 27;
pub(super) const POINTS: usize = REACH * REACH * REACH;

/// Maximum number of tiles that go through all steps together.
const TILE_BLOCK: usize = 48;

/// Padding after the last value, for vectors that reach beyond the last tile; their results are discarded.
pub(super) const BEYOND: usize = 192;

/// Fewest channels for which the transforms cost less than the multiplications they save.
const CHANNELS: usize = 8;

/// Minimum fraction of the tiles in blocks that must lie in the volume.
const FILLED: f64 = 0.6;

/// Planes of tiles that are transformed at a time: a whole transformed volume takes more than twice its memory.
const PLANES: usize = 8;

/// How a convolution is cut into blocks of tiles.
#[derive(Clone, Copy)]
pub(in super::super) struct Plan {
    pub(super) g: Geometry,
    /// Tiles along each axis.
    pub(super) grid: [usize; 3],
    /// Tiles of a block: a multiple of the vector groups.
    pub(super) block: usize,
    /// Output channels computed together.
    pub(super) oc_block: usize,
}

impl Plan {
    /// `None` where the saved multiplications are not worth the transforms.
    pub(in super::super) fn new(g: &Geometry) -> Option<Self> {
        let grid = g.size.map(|side| side.div_ceil(TILE));
        let tiles = grid[1] * grid[2];
        let (oc_block, step) = block();
        let block = tiles.min(TILE_BLOCK).next_multiple_of(step);
        let filled = tiles as f64 / tiles.next_multiple_of(block) as f64;
        let worth = g.kernel == 3 && g.input.min(g.output) >= CHANNELS && filled >= FILLED;
        worth.then_some(Self {
            g: *g,
            grid,
            block,
            oc_block,
        })
    }

    /// Blocks of a plane of tiles.
    pub(super) fn blocks(&self) -> usize {
        (self.grid[1] * self.grid[2]).div_ceil(self.block)
    }

    /// Groups of output channels.
    pub(super) fn groups(&self) -> usize {
        self.g.output.div_ceil(self.oc_block)
    }

    /// Small batches at once, so that all threads have work; otherwise part of a sample at a time.
    pub(super) fn slabs(&self) -> Vec<Slab> {
        let (depth, batch) = (self.grid[0], self.g.batch);
        let parts = depth.div_ceil(PLANES).max(1);
        let planes = depth.div_ceil(parts);
        let samples = if parts == 1 { batch } else { 1 };
        let cut = |part: usize| part * planes..depth.min((part + 1) * planes);
        let slabs = (0..batch).step_by(samples.max(1)).flat_map(|first| {
            (0..parts).map(move |part| Slab {
                samples: first..first + samples,
                planes: cut(part),
            })
        });
        slabs.collect()
    }
}

/// Part of a batch.
pub(super) struct Slab {
    pub samples: Range<usize>,
    /// Planes of tiles.
    pub planes: Range<usize>,
}

impl Slab {
    /// Planes of tiles in all samples.
    pub(super) fn count(&self) -> usize {
        self.samples.len() * self.planes.len()
    }
}
