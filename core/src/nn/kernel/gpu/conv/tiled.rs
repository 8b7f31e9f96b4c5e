//! 3×3×3 convolution by tiles: a workgroup computes eight channels of a tile of the result, an invocation four
//! neighboring voxels of each. A channel of the tile's input with its border, and its weights, are in shared memory.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use crate::nn::kernel::gpu::launch::{arg, cubes, dims, empty};

/// Voxels of a tile, `[d, h, w]`, and those of its input.
const TILE: [usize; 3] = [4, 8, 16];
const DEEP: usize = TILE[0] + 2;
const HIGH: usize = TILE[1] + 2;
const WIDE: usize = TILE[2] + 2;
const INPUT: usize = DEEP * HIGH * WIDE;

/// Channels of the result that a workgroup computes, voxels that an invocation does, and invocations.
const CHANNELS: usize = 8;
const VOXELS: usize = 4;
const UNITS: usize = TILE[0] * TILE[1] * TILE[2] / VOXELS;

/// Taps of a kernel.
const TAPS: usize = 27;

/// With `back` it is the gradient of the input: the same with every kernel mirrored and its channels exchanged.
#[cube(launch)]
fn convolve_kernel(
    x: &[f32],
    weight: &[f32],
    y: &mut [f32],
    samples: usize,
    input: usize,
    output: usize,
    d: usize,
    h: usize,
    w: usize,
    #[comptime] back: bool,
) {
    let across = w.div_ceil(TILE[2]);
    let down = h.div_ceil(TILE[1]);
    let tiles = d.div_ceil(TILE[0]) * down * across;
    let blocks = output.div_ceil(CHANNELS);
    if CUBE_POS < tiles * blocks * samples {
        let mut values = Shared::<[f32]>::new_slice(INPUT);
        let mut taps = Shared::<[f32]>::new_slice(comptime!(TAPS * CHANNELS));
        let unit = UNIT_POS as usize;
        let first_channel = CUBE_POS / tiles % blocks * CHANNELS;
        let sample = CUBE_POS / tiles / blocks;
        let tile_z = CUBE_POS % tiles / (down * across) * TILE[0];
        let tile_y = CUBE_POS % tiles / across % down * TILE[1];
        let tile_x = CUBE_POS % across * TILE[2];
        // The first of this invocation's voxels, within the tile.
        let at_x = unit % (TILE[2] / VOXELS) * VOXELS;
        let at_y = unit / (TILE[2] / VOXELS) % TILE[1];
        let at_z = unit / (TILE[2] / VOXELS) / TILE[1];

        let mut sums = Array::<f32>::new(comptime!(CHANNELS * VOXELS));
        #[unroll]
        for index in 0..comptime!(CHANNELS * VOXELS) {
            sums[index] = 0.0;
        }
        for channel in 0..input {
            let start = (sample * input + channel) * d * h * w;
            let mut index = unit;
            while index < INPUT {
                // One voxel before the tile; what lies outside counts as 0.
                let z = tile_z + index / (HIGH * WIDE);
                let line = tile_y + index / WIDE % HIGH;
                let column = tile_x + index % WIDE;
                let mut value = 0.0f32;
                if z > 0 && z <= d && line > 0 && line <= h && column > 0 && column <= w {
                    value = x[start + ((z - 1) * h + line - 1) * w + column - 1];
                }
                values[index] = value;
                index += UNITS;
            }
            index = unit;
            while index < TAPS * CHANNELS {
                let tap = index / CHANNELS;
                let result = first_channel + index % CHANNELS;
                let mut value = 0.0f32;
                if result < output {
                    if back {
                        value = weight[(channel * output + result) * TAPS + (TAPS - 1 - tap)];
                    } else {
                        value = weight[(result * input + channel) * TAPS + tap];
                    }
                }
                taps[index] = value;
                index += UNITS;
            }
            sync_cube();
            for plane in 0..3usize {
                for line in 0..3usize {
                    let from = ((at_z + plane) * HIGH + at_y + line) * WIDE + at_x;
                    let tap = (plane * 3 + line) * 3 * CHANNELS;
                    let mut row = Array::<f32>::new(comptime!(VOXELS + 2));
                    #[unroll]
                    for voxel in 0..comptime!(VOXELS + 2) {
                        row[voxel] = values[from + voxel];
                    }
                    #[unroll]
                    for column in 0..3usize {
                        #[unroll]
                        for result in 0..CHANNELS {
                            let factor = taps[tap + column * CHANNELS + result];
                            #[unroll]
                            for voxel in 0..VOXELS {
                                sums[result * VOXELS + voxel] += factor * row[voxel + column];
                            }
                        }
                    }
                }
            }
            sync_cube();
        }

        let (z, line) = (tile_z + at_z, tile_y + at_y);
        if z < d && line < h {
            #[unroll]
            for result in 0..CHANNELS {
                if first_channel + result < output {
                    let start = (((sample * output + first_channel + result) * d + z) * h + line) * w;
                    #[unroll]
                    for voxel in 0..VOXELS {
                        let column = tile_x + at_x + voxel;
                        if column < w {
                            y[start + column] = sums[result * VOXELS + voxel];
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
    let tiles = d.div_ceil(TILE[0]) * h.div_ceil(TILE[1]) * w.div_ceil(TILE[2]);
    convolve_kernel::launch(
        &x.client,
        cubes(tiles * output.div_ceil(CHANNELS) * samples),
        CubeDim::new_1d(UNITS as u32),
        arg(x),
        arg(weight),
        arg(&y),
        samples,
        input,
        output,
        d,
        h,
        w,
        back,
    );
    y
}
