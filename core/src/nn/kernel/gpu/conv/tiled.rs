//! 3×3×3 convolution by tiles: a workgroup computes eight channels of a tile of the result, an invocation some
//! neighboring voxels of each. One channel of the tile's input with its border, and its weights, are in shared memory
//! at a time: WebGPU fills that with zeros whenever a workgroup begins.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::walk::{Corner, Sides, Volume, fill};
use crate::nn::kernel::gpu::launch::{arg, cubes, dims, empty, launches};

/// The part of the result that a workgroup computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Tile {
    sides: Sides,
    /// Neighbors along the last axis that an invocation computes.
    voxels: usize,
}

impl Tile {
    const LARGE: Self = Self {
        sides: Sides { d: 4, h: 8, w: 16 },
        voxels: 8,
    };
    const SMALL: Self = Self {
        sides: Sides { d: 4, h: 4, w: 8 },
        voxels: 4,
    };

    /// Computes less in vain where the volume is small.
    fn of(volume: [usize; 3]) -> Self {
        let voxels = |tile: Self| tile.count(volume) * tile.sides.voxels();
        if 2 * voxels(Self::SMALL) <= voxels(Self::LARGE) {
            Self::SMALL
        } else {
            Self::LARGE
        }
    }

    /// Tiles of a volume.
    fn count(self, [d, h, w]: [usize; 3]) -> usize {
        d.div_ceil(self.sides.d) * h.div_ceil(self.sides.h) * w.div_ceil(self.sides.w)
    }

    /// Invocations of a workgroup.
    fn units(self) -> usize {
        self.sides.voxels() / self.voxels
    }
}

/// Channels of the result that a workgroup computes.
const CHANNELS: usize = 8;

/// Taps of a kernel, and the weights in shared memory.
const TAPS: usize = 27;
const WEIGHTS: usize = TAPS * CHANNELS;

/// The workgroups from `first` to `end`. With `back` it is the gradient of the input: the same with every kernel
/// mirrored and its channels exchanged.
#[cube(launch)]
fn convolve_kernel(
    x: &[f32],
    weight: &[f32],
    y: &mut [f32],
    first: usize,
    end: usize,
    input: usize,
    output: usize,
    d: usize,
    h: usize,
    w: usize,
    back: u32,
    #[comptime] tile: Tile,
) {
    let across = w.div_ceil(tile.sides.w);
    let down = h.div_ceil(tile.sides.h);
    let tiles = d.div_ceil(tile.sides.d) * down * across;
    let blocks = output.div_ceil(CHANNELS);
    let cube = CUBE_POS + first;
    if cube < end {
        let units = comptime!(tile.units());
        let sides = comptime!(tile.sides.with_border());
        let mut values = Shared::<[f32]>::new_slice(comptime!(sides.voxels()));
        let mut taps = Shared::<[f32]>::new_slice(WEIGHTS);
        let unit = UNIT_POS as usize;
        let first_channel = cube / tiles % blocks * CHANNELS;
        let sample = cube / tiles / blocks;
        let tile_z = cube % tiles / (down * across) * tile.sides.d;
        let tile_y = cube % tiles / across % down * tile.sides.h;
        let tile_x = cube % across * tile.sides.w;
        // The first of this invocation's voxels, within the tile.
        let runs = comptime!(tile.sides.w / tile.voxels);
        let at_x = unit % runs * tile.voxels;
        let at_y = unit / runs % tile.sides.h;
        let at_z = unit / comptime!(runs * tile.sides.h);

        let mut sums = Array::<f32>::new(comptime!(CHANNELS * tile.voxels));
        #[unroll]
        for index in 0..comptime!(CHANNELS * tile.voxels) {
            sums[index] = 0.0;
        }
        let volume = Volume {
            channels: input,
            d,
            h,
            w,
        };
        let (z, line) = (tile_z + at_z, tile_y + at_y);
        let works = z < d && line < h && tile_x + at_x < w;
        for channel in 0..input {
            let corner = Corner {
                sample,
                channel,
                z: tile_z,
                y: tile_y,
                x: tile_x,
            };
            fill(x, &mut values, &corner, &volume, 1usize, sides, 1usize, units);
            // Of all taps, one after the other, the weights of each result are neighbors.
            let result = first_channel + unit % CHANNELS;
            let mut tap = unit / CHANNELS;
            while tap < TAPS {
                let mut value = 0.0f32;
                if result < output {
                    if back != 0 {
                        value = weight[(channel * output + result) * TAPS + comptime!(TAPS - 1) - tap];
                    } else {
                        value = weight[(result * input + channel) * TAPS + tap];
                    }
                }
                taps[tap * CHANNELS + unit % CHANNELS] = value;
                tap += comptime!(units / CHANNELS);
            }
            sync_cube();
            if works {
                for plane in 0..3usize {
                    for line in 0..3usize {
                        let from = ((at_z + plane) * sides.h + at_y + line) * sides.w + at_x;
                        let tap = (plane * 3 + line) * 3 * CHANNELS;
                        let mut row = Array::<f32>::new(comptime!(tile.voxels + 2));
                        #[unroll]
                        for voxel in 0..comptime!(tile.voxels + 2) {
                            row[voxel] = values[from + voxel];
                        }
                        #[unroll]
                        for column in 0..3usize {
                            #[unroll]
                            for result in 0..CHANNELS {
                                let factor = taps[tap + column * CHANNELS + result];
                                #[unroll]
                                for voxel in 0..tile.voxels {
                                    sums[result * tile.voxels + voxel] += factor * row[voxel + column];
                                }
                            }
                        }
                    }
                }
            }
            sync_cube();
        }

        if works {
            #[unroll]
            for result in 0..CHANNELS {
                if first_channel + result < output {
                    let start = (((sample * output + first_channel + result) * d + z) * h + line) * w;
                    #[unroll]
                    for voxel in 0..tile.voxels {
                        let column = tile_x + at_x + voxel;
                        if column < w {
                            y[start + column] = sums[result * tile.voxels + voxel];
                        }
                    }
                }
            }
        }
    }
}

/// `[sample, output, d, h, w]` of `x` `[sample, input, d, h, w]` and `weight`, `[output, input, 3, 3, 3]` or, if
/// `back`, `[input, output, 3, 3, 3]`.
pub(super) fn convolve(x: &CubeTensor, weight: &CubeTensor, output: usize, back: bool) -> CubeTensor {
    let [samples, input, d, h, w] = dims(x);
    let y = empty(x, [samples, output, d, h, w]);
    let tile = Tile::of([d, h, w]);
    let workgroups = tile.count([d, h, w]) * output.div_ceil(CHANNELS) * samples;
    let operations = 2.0 * (tile.sides.voxels() * CHANNELS * input * TAPS) as f64;
    for part in launches(workgroups, operations) {
        convolve_kernel::launch(
            &x.client,
            cubes(part.len()),
            CubeDim::new_1d(tile.units() as u32),
            arg(x),
            arg(weight),
            arg(&y),
            part.start,
            part.end,
            input,
            output,
            d,
            h,
            w,
            u32::from(back),
            tile,
        );
    }
    y
}
