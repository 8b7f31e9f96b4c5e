//! The gradient of the weights of a 3×3×3 convolution: an invocation adds up one plane of taps of four kernels while it
//! moves along the lines of a tile. A workgroup goes through some of the tiles, and the sums of all are added up.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::walk::{Corner, Sides, Volume, fill};
use crate::nn::kernel::gpu::launch::{arg, cubes, dims, empty, launches, sum_all_parts};

/// A tile, and its input: small, since WebGPU fills shared memory with zeros whenever a workgroup begins.
const TILE: Sides = Sides { d: 2, h: 2, w: 8 };
const BORDERED: Sides = TILE.with_border();

/// Channels of the input and of the result that a workgroup takes, and those of the result that an invocation does.
const INPUTS: usize = 8;
const OUTPUTS: usize = 8;
const BLOCK: usize = 4;

/// Planes of taps of a kernel, taps of a plane, and invocations.
const PLANES: usize = 3;
const TAPS: usize = 9;
const UNITS: usize = OUTPUTS / BLOCK * INPUTS * PLANES;

/// Workgroups that are enough to keep a device busy, and the tiles that are worth one.
const BUSY: usize = 256;
const FEWEST_TILES: usize = 4;

/// The sums of one part of the tiles, `[part, output, input, 27]`, by the workgroups from `first` to `end`.
#[cube(launch)]
fn gradient_kernel(
    x: &[f32],
    dy: &[f32],
    sums_of_parts: &mut [f32],
    first: usize,
    end: usize,
    samples: usize,
    input: usize,
    output: usize,
    d: usize,
    h: usize,
    w: usize,
    parts: usize,
) {
    let inputs = input.div_ceil(INPUTS);
    let outputs = output.div_ceil(OUTPUTS);
    let cube = CUBE_POS + first;
    if cube < end {
        let mut values = Shared::<[f32]>::new_slice(comptime!(INPUTS * BORDERED.voxels()));
        let mut changes = Shared::<[f32]>::new_slice(comptime!(OUTPUTS * TILE.voxels()));
        let unit = UNIT_POS as usize;
        let first_input = cube % inputs * INPUTS;
        let first_output = cube / inputs % outputs * OUTPUTS;
        let part = cube / inputs / outputs;
        let plane = unit % PLANES;
        let own_input = unit / PLANES % INPUTS;
        let own_output = unit / comptime!(PLANES * INPUTS) * BLOCK;
        let works = first_input + own_input < input && first_output + own_output < output;

        let mut sums = Array::<f32>::new(comptime!(BLOCK * TAPS));
        #[unroll]
        for index in 0..comptime!(BLOCK * TAPS) {
            sums[index] = 0.0;
        }
        let across = w.div_ceil(TILE.w);
        let down = h.div_ceil(TILE.h);
        let tiles = d.div_ceil(TILE.d) * down * across;
        let of_input = Volume {
            channels: input,
            d,
            h,
            w,
        };
        let of_result = Volume {
            channels: output,
            d,
            h,
            w,
        };
        let mut tile = part;
        while tile < tiles * samples {
            let sample = tile / tiles;
            let tile_z = tile % tiles / (down * across) * TILE.d;
            let tile_y = tile % tiles / across % down * TILE.h;
            let tile_x = tile % across * TILE.w;
            let corner = Corner {
                sample,
                channel: first_input,
                z: tile_z,
                y: tile_y,
                x: tile_x,
            };
            fill(x, &mut values, &corner, &of_input, INPUTS, BORDERED, 1usize, UNITS);
            let corner = Corner {
                sample,
                channel: first_output,
                z: tile_z,
                y: tile_y,
                x: tile_x,
            };
            fill(dy, &mut changes, &corner, &of_result, OUTPUTS, TILE, 0usize, UNITS);
            sync_cube();
            if works {
                let deep = select(d - tile_z < TILE.d, d - tile_z, TILE.d);
                let high = select(h - tile_y < TILE.h, h - tile_y, TILE.h);
                let wide = select(w - tile_x < TILE.w, w - tile_x, TILE.w);
                for z in 0..deep {
                    for y in 0..high {
                        let from = ((own_input * BORDERED.d + z + plane) * BORDERED.h + y) * BORDERED.w;
                        let to = own_output * comptime!(TILE.voxels()) + (z * TILE.h + y) * TILE.w;
                        // Of three lines the voxels before, at and after the column.
                        let mut window = Array::<f32>::new(TAPS);
                        #[unroll]
                        for line in 0..3usize {
                            window[line * 3 + 1] = values[from + line * BORDERED.w];
                            window[line * 3 + 2] = values[from + line * BORDERED.w + 1];
                        }
                        for column in 0..wide {
                            #[unroll]
                            for line in 0..3usize {
                                window[line * 3] = window[line * 3 + 1];
                                window[line * 3 + 1] = window[line * 3 + 2];
                                window[line * 3 + 2] = values[from + line * BORDERED.w + column + 2];
                            }
                            #[unroll]
                            for result in 0..BLOCK {
                                let change = changes[to + result * comptime!(TILE.voxels()) + column];
                                #[unroll]
                                for tap in 0..TAPS {
                                    sums[result * TAPS + tap] += change * window[tap];
                                }
                            }
                        }
                    }
                }
            }
            sync_cube();
            tile += parts;
        }

        if works {
            #[unroll]
            for result in 0..BLOCK {
                let channel = first_output + own_output + result;
                if channel < output {
                    let kernel = (part * output + channel) * input + first_input + own_input;
                    #[unroll]
                    for tap in 0..TAPS {
                        sums_of_parts[(kernel * PLANES + plane) * TAPS + tap] = sums[result * TAPS + tap];
                    }
                }
            }
        }
    }
}

/// `[output, input, 3, 3, 3]` of `x` `[sample, input, d, h, w]` and the result's gradient `dy`,
/// `[sample, output, d, h, w]`.
pub(super) fn gradient(x: &CubeTensor, dy: &CubeTensor) -> CubeTensor {
    let [samples, input, d, h, w] = dims(x);
    let output = dims::<5>(dy)[1];
    let tiles = samples * d.div_ceil(TILE.d) * h.div_ceil(TILE.h) * w.div_ceil(TILE.w);
    let blocks = input.div_ceil(INPUTS) * output.div_ceil(OUTPUTS);
    let parts = (BUSY / blocks).clamp(1, tiles.div_ceil(FEWEST_TILES));
    let sums = empty(x, [parts, output, input, 27]);
    let operations = 2.0 * (INPUTS * OUTPUTS * 27 * TILE.voxels() * tiles.div_ceil(parts)) as f64;
    for launch in launches(blocks * parts, operations) {
        gradient_kernel::launch(
            &x.client,
            cubes(launch.len()),
            CubeDim::new_1d(UNITS as u32),
            arg(x),
            arg(dy),
            arg(&sums),
            launch.start,
            launch.end,
            samples,
            input,
            output,
            d,
            h,
            w,
            parts,
        );
    }
    sum_all_parts(sums, parts, [output, input, 3, 3, 3])
}
