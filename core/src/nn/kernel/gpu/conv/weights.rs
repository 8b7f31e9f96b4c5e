//! The gradient of the weights of a 3×3×3 convolution: an invocation adds up one line of taps of four kernels while it
//! moves along the lines of a tile. A workgroup goes through some of the tiles, and the sums of all are added up.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use crate::nn::kernel::gpu::launch::{arg, cubes, dims, empty, sum_all_parts};

/// Voxels of a tile, `[d, h, w]`, and those of its input.
const TILE: [usize; 3] = [2, 4, 16];
const VOXELS: usize = TILE[0] * TILE[1] * TILE[2];
const HIGH: usize = TILE[1] + 2;
const WIDE: usize = TILE[2] + 2;
const INPUT: usize = (TILE[0] + 2) * HIGH * WIDE;

/// Channels of the input and of the result that a workgroup takes, and those of the result that an invocation does.
const INPUTS: usize = 4;
const OUTPUTS: usize = 16;
const BLOCK: usize = 4;

/// Lines of taps of a kernel, and invocations.
const LINES: usize = 9;
const UNITS: usize = OUTPUTS / BLOCK * INPUTS * LINES;

/// Workgroups that are enough to keep a device busy.
const BUSY: usize = 256;

/// The sums of one part of the tiles, `[part, output, input, 27]`.
#[cube(launch)]
fn gradient_kernel(
    x: &[f32],
    dy: &[f32],
    sums_of_parts: &mut [f32],
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
    if CUBE_POS < inputs * outputs * parts {
        let mut values = Shared::<[f32]>::new_slice(comptime!(INPUTS * INPUT));
        let mut changes = Shared::<[f32]>::new_slice(comptime!(OUTPUTS * VOXELS));
        let unit = UNIT_POS as usize;
        let first_input = CUBE_POS % inputs * INPUTS;
        let first_output = CUBE_POS / inputs % outputs * OUTPUTS;
        let part = CUBE_POS / inputs / outputs;
        let line_of_taps = unit % LINES;
        let own_input = unit / LINES % INPUTS;
        let own_output = unit / (LINES * INPUTS) * BLOCK;
        let (plane, line) = (line_of_taps / 3, line_of_taps % 3);

        let mut sums = Array::<f32>::new(comptime!(BLOCK * 3));
        #[unroll]
        for index in 0..comptime!(BLOCK * 3) {
            sums[index] = 0.0;
        }
        let across = w.div_ceil(TILE[2]);
        let down = h.div_ceil(TILE[1]);
        let tiles = d.div_ceil(TILE[0]) * down * across;
        let mut tile = part;
        while tile < tiles * samples {
            let sample = tile / tiles;
            let tile_z = tile % tiles / (down * across) * TILE[0];
            let tile_y = tile % tiles / across % down * TILE[1];
            let tile_x = tile % across * TILE[2];
            let mut index = unit;
            while index < INPUTS * INPUT {
                let channel = first_input + index / INPUT;
                // One voxel before the tile; what lies outside counts as 0.
                let z = tile_z + index % INPUT / (HIGH * WIDE);
                let line = tile_y + index / WIDE % HIGH;
                let column = tile_x + index % WIDE;
                let mut value = 0.0f32;
                let inside = z > 0 && z <= d && line > 0 && line <= h && column > 0 && column <= w;
                if channel < input && inside {
                    value = x[(((sample * input + channel) * d + z - 1) * h + line - 1) * w + column - 1];
                }
                values[index] = value;
                index += UNITS;
            }
            index = unit;
            while index < OUTPUTS * VOXELS {
                let channel = first_output + index / VOXELS;
                let z = tile_z + index % VOXELS / (TILE[1] * TILE[2]);
                let line = tile_y + index / TILE[2] % TILE[1];
                let column = tile_x + index % TILE[2];
                let mut value = 0.0f32;
                if channel < output && z < d && line < h && column < w {
                    value = dy[(((sample * output + channel) * d + z) * h + line) * w + column];
                }
                changes[index] = value;
                index += UNITS;
            }
            sync_cube();
            for z in 0..TILE[0] {
                for y in 0..TILE[1] {
                    let from = own_input * INPUT + ((z + plane) * HIGH + y + line) * WIDE;
                    let to = own_output * VOXELS + (z * TILE[1] + y) * TILE[2];
                    let mut before = values[from];
                    let mut here = values[from + 1];
                    for column in 0..TILE[2] {
                        let after = values[from + column + 2];
                        #[unroll]
                        for result in 0..BLOCK {
                            let change = changes[to + result * VOXELS + column];
                            sums[result * 3] += change * before;
                            sums[result * 3 + 1] += change * here;
                            sums[result * 3 + 2] += change * after;
                        }
                        before = here;
                        here = after;
                    }
                }
            }
            sync_cube();
            tile += parts;
        }

        if first_input + own_input < input {
            #[unroll]
            for result in 0..BLOCK {
                let channel = first_output + own_output + result;
                if channel < output {
                    let kernel = (part * output + channel) * input + first_input + own_input;
                    #[unroll]
                    for column in 0..3usize {
                        sums_of_parts[(kernel * LINES + line_of_taps) * 3 + column] = sums[result * 3 + column];
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
    let tiles = samples * d.div_ceil(TILE[0]) * h.div_ceil(TILE[1]) * w.div_ceil(TILE[2]);
    let blocks = input.div_ceil(INPUTS) * output.div_ceil(OUTPUTS);
    let parts = (BUSY / blocks).clamp(1, tiles);
    let sums = empty(x, [parts, output, input, 27]);
    gradient_kernel::launch(
        &x.client,
        cubes(blocks * parts),
        CubeDim::new_1d(UNITS as u32),
        arg(x),
        arg(dy),
        arg(&sums),
        samples,
        input,
        output,
        d,
        h,
        w,
        parts,
    );
    sum_all_parts(sums, parts, [output, input, 3, 3, 3])
}
