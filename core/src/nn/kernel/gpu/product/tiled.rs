//! Products by tiles in shared memory, of which each invocation computes a block in registers.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::factor::{Added, BUSY, FEW, FEWEST_TERMS, Factor, Sizes, write_block};
use crate::nn::kernel::gpu::launch::{arg, cubes, empty};

/// Invocations along each side of a tile: few, since they wait for each other, with many sums each.
const SIDE: usize = 8;
const UNITS: usize = SIDE * SIDE;

/// Rows and columns of an invocation's block: of a thin matrix, and of any other. Each is another program to compile,
/// so there are two.
const THIN: usize = FEW / SIDE;
const BLOCK: usize = 8;

/// Terms of the sums that are in shared memory at a time: few, since WebGPU fills that with zeros whenever a workgroup
/// begins.
const DEPTH: usize = 8;

/// Puts [`DEPTH`] terms of `size` lines of a factor, its rows or columns, into shared memory, `[term, line]`; what is
/// beyond the factor counts as 0. Neighbors read what neighbors in memory are: terms, or lines.
#[cube]
fn fill(
    values: &[f32],
    tile: &mut Shared<[f32]>,
    start: usize,
    first_line: usize,
    lines: usize,
    first: usize,
    terms: usize,
    end: usize,
    terms_are_neighbors: bool,
    #[comptime] size: usize,
) {
    let unit = UNIT_POS as usize;
    for load in 0..comptime!(size * DEPTH / UNITS) {
        if terms_are_neighbors {
            let line = unit / DEPTH + load * comptime!(UNITS / DEPTH);
            let term = unit % DEPTH;
            let mut value = 0.0f32;
            if first_line + line < lines && first + term < end {
                value = values[start + (first_line + line) * terms + first + term];
            }
            tile[term * size + line] = value;
        } else {
            let line = unit % size;
            let term = unit / size + load * comptime!(UNITS / size);
            let mut value = 0.0f32;
            if first_line + line < lines && first + term < end {
                value = values[start + (first + term) * lines + first_line + line];
            }
            tile[term * size + line] = value;
        }
    }
}

/// Of every sample and every run of terms a product, `[part, sample, row, column]`. A tile has `height` · 8 rows and
/// `width` · 8 columns.
#[cube(launch)]
fn product_kernel(
    left: &[f32],
    right: &[f32],
    bias: &[f32],
    added: &[f32],
    y: &mut [f32],
    rows: usize,
    columns: usize,
    terms: usize,
    samples: usize,
    parts: usize,
    run: usize,
    left_of_sample: usize,
    right_of_sample: usize,
    left_transposed: u32,
    right_transposed: u32,
    has_bias: u32,
    #[comptime] adds: bool,
    #[comptime] height: usize,
    #[comptime] width: usize,
) {
    let tall = comptime!(height * SIDE);
    let wide = comptime!(width * SIDE);
    let across = columns.div_ceil(wide);
    let tiles = rows.div_ceil(tall) * across;
    if CUBE_POS < tiles * samples * parts {
        let mut left_tile = Shared::<[f32]>::new_slice(comptime!(DEPTH * tall));
        let mut right_tile = Shared::<[f32]>::new_slice(comptime!(DEPTH * wide));
        let unit = UNIT_POS as usize;
        let sample = CUBE_POS / tiles % samples;
        let part = CUBE_POS / tiles / samples;
        let first_row = CUBE_POS % tiles / across * tall;
        let first_column = CUBE_POS % across * wide;
        let left_start = sample * left_of_sample;
        let right_start = sample * right_of_sample;
        let end = select((part + 1) * run < terms, (part + 1) * run, terms);

        let mut sums = Array::<f32>::new(comptime!(height * width));
        #[unroll]
        for index in 0..comptime!(height * width) {
            sums[index] = 0.0;
        }
        let row = unit / SIDE * height;
        let column = unit % SIDE * width;
        let works = first_row + row < rows && first_column + column < columns;
        let mut first = part * run;
        while first < end {
            fill(
                left,
                &mut left_tile,
                left_start,
                first_row,
                rows,
                first,
                terms,
                end,
                left_transposed == 0,
                tall,
            );
            fill(
                right,
                &mut right_tile,
                right_start,
                first_column,
                columns,
                first,
                terms,
                end,
                right_transposed != 0,
                wide,
            );
            sync_cube();
            if works {
                let deep = select(end - first < DEPTH, end - first, DEPTH);
                for term in 0..deep {
                    let mut of_row = Array::<f32>::new(height);
                    #[unroll]
                    for y in 0..height {
                        of_row[y] = left_tile[term * tall + row + y];
                    }
                    #[unroll]
                    for x in 0..width {
                        let of_column = right_tile[term * wide + column + x];
                        #[unroll]
                        for y in 0..height {
                            sums[y * width + x] += of_row[y] * of_column;
                        }
                    }
                }
            }
            sync_cube();
            first += DEPTH;
        }

        write_block(
            &sums,
            bias,
            added,
            y,
            part,
            sample,
            samples,
            first_row + row,
            first_column + column,
            rows,
            columns,
            has_bias,
            adds,
            height,
            width,
        );
    }
}

/// Rows or columns of an invocation's block, where there are so many in all.
fn block(side: usize) -> usize {
    if side <= FEW { THIN } else { BLOCK }
}

/// `[part, sample, row, column]`, and the number of parts.
pub(super) fn launch(left: Factor<'_>, right: Factor<'_>, added: Added<'_>, sizes: Sizes) -> (CubeTensor, usize) {
    let Sizes {
        rows,
        columns,
        terms,
        samples,
    } = sizes;
    let (height, width) = (block(rows), block(columns));
    let tiles = rows.div_ceil(height * SIDE) * columns.div_ceil(width * SIDE);
    let parts = (BUSY / (tiles * samples)).clamp(1, terms.div_ceil(FEWEST_TERMS));
    let run = terms.div_ceil(parts).next_multiple_of(DEPTH);
    let parts = terms.div_ceil(run);
    let like = left.values;
    let y = empty(like, [parts, samples, rows, columns]);
    let step = |factor: Factor<'_>, size: usize| if factor.of_sample { size } else { 0 };
    let Added { bias, values } = added;
    let none = empty(like, [1]);
    product_kernel::launch(
        &like.client,
        cubes(tiles * samples * parts),
        CubeDim::new_1d(UNITS as u32),
        arg(left.values),
        arg(right.values),
        arg(bias.unwrap_or(&none)),
        arg(values.unwrap_or(&none)),
        arg(&y),
        rows,
        columns,
        terms,
        samples,
        parts,
        run,
        step(left, rows * terms),
        step(right, terms * columns),
        u32::from(left.transposed),
        u32::from(right.transposed),
        u32::from(bias.is_some()),
        values.is_some(),
        height,
        width,
    );
    (y, parts)
}
