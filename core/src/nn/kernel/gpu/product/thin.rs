//! Products of a matrix of few rows, such as the weights of a convolution of one voxel to few channels: without shared
//! memory, since every value of the large factor is read once, and all invocations read the same of the small one.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::factor::{Added, BUSY, FEWEST_TERMS, Factor, Sizes, write_block};
use crate::nn::kernel::gpu::launch::{arg, empty, units};

/// Rows that there can be, and columns that an invocation computes.
pub(super) const ROWS: usize = 8;
const COLUMNS: usize = 4;

/// Of every sample and every run of terms a product, `[part, sample, row, column]`. From one row, term or column of a
/// factor to the next it is so many values.
#[cube(launch)]
fn thin_kernel(
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
    left_row: usize,
    left_term: usize,
    right_of_sample: usize,
    right_term: usize,
    right_column: usize,
    has_bias: u32,
    #[comptime] adds: bool,
) {
    let across = columns.div_ceil(COLUMNS);
    if ABSOLUTE_POS < across * samples * parts {
        let first_column = ABSOLUTE_POS % across * COLUMNS;
        let sample = ABSOLUTE_POS / across % samples;
        let part = ABSOLUTE_POS / across / samples;
        let end = select((part + 1) * run < terms, (part + 1) * run, terms);
        // Rows and columns beyond the last are the last again, and not written.
        let mut row_at = Array::<usize>::new(ROWS);
        #[unroll]
        for row in 0..ROWS {
            row_at[row] = sample * left_of_sample + select(row < rows, row, rows - 1) * left_row;
        }
        let mut column_at = Array::<usize>::new(COLUMNS);
        #[unroll]
        for column in 0..COLUMNS {
            let place = first_column + column;
            column_at[column] = sample * right_of_sample + select(place < columns, place, columns - 1) * right_column;
        }
        let mut sums = Array::<f32>::new(comptime!(ROWS * COLUMNS));
        #[unroll]
        for index in 0..comptime!(ROWS * COLUMNS) {
            sums[index] = 0.0;
        }
        for term in part * run..end {
            let mut of_column = Array::<f32>::new(COLUMNS);
            #[unroll]
            for column in 0..COLUMNS {
                of_column[column] = right[column_at[column] + term * right_term];
            }
            #[unroll]
            for row in 0..ROWS {
                let of_row = left[row_at[row] + term * left_term];
                #[unroll]
                for column in 0..COLUMNS {
                    sums[row * COLUMNS + column] += of_row * of_column[column];
                }
            }
        }
        write_block(
            &sums,
            bias,
            added,
            y,
            part,
            sample,
            samples,
            0,
            first_column,
            rows,
            columns,
            has_bias,
            adds,
            ROWS,
            COLUMNS,
        );
    }
}

/// `[part, sample, row, column]` of at most [`ROWS`] rows, and the number of parts.
pub(super) fn launch(left: Factor<'_>, right: Factor<'_>, added: Added<'_>, sizes: Sizes) -> (CubeTensor, usize) {
    let Sizes {
        rows,
        columns,
        terms,
        samples,
    } = sizes;
    let invocations = columns.div_ceil(COLUMNS) * samples;
    let parts = (BUSY * ROWS * ROWS / invocations).clamp(1, terms.div_ceil(FEWEST_TERMS));
    let run = terms.div_ceil(parts);
    let parts = terms.div_ceil(run);
    let like = left.values;
    let y = empty(like, [parts, samples, rows, columns]);
    let of_sample = |factor: Factor<'_>, size: usize| if factor.of_sample { size } else { 0 };
    let steps = |factor: Factor<'_>, lines: usize, of_line: usize| match factor.transposed {
        true => (1, lines),
        false => (of_line, 1),
    };
    let (left_row, left_term) = steps(left, rows, terms);
    let (right_term, right_column) = steps(right, terms, columns);
    let Added { bias, values } = added;
    let none = empty(like, [1]);
    let (cubes, dim) = units(invocations * parts);
    thin_kernel::launch(
        &like.client,
        cubes,
        dim,
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
        of_sample(left, rows * terms),
        left_row,
        left_term,
        of_sample(right, terms * columns),
        right_term,
        right_column,
        u32::from(bias.is_some()),
        values.is_some(),
    );
    (y, parts)
}
