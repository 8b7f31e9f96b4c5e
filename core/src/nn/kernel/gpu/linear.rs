//! Linear layers: one matrix product forward, two backward.

use burn::backend::{Cube, TensorMetadata};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{arg, dims, empty, row, sum_all_parts, units};
use super::product::{Added, Factor, Sizes, product, product_sum};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::Linear;

/// Rows of which one invocation adds up a column.
const RUN: usize = 64;

/// The sums over runs of rows, `[run, column]`.
#[cube(launch)]
fn column_sums_kernel(x: &[f32], parts: &mut [f32], rows: usize, columns: usize, run: usize) {
    if ABSOLUTE_POS < parts.len() {
        let column = ABSOLUTE_POS % columns;
        let first = ABSOLUTE_POS / columns * run;
        let end = select(first + run < rows, first + run, rows);
        let mut sum = 0.0f32;
        for row in first..end {
            sum += x[row * columns + column];
        }
        parts[ABSOLUTE_POS] = sum;
    }
}

/// The sum over the rows of values that lie as `[row, column]`, `[column]`.
pub(super) fn column_sums(x: &CubeTensor, [rows, columns]: [usize; 2]) -> CubeTensor {
    let runs = rows.div_ceil(RUN);
    let parts = empty(x, [runs, columns]);
    let (cubes, dim) = units(runs * columns);
    column_sums_kernel::launch(&x.client, cubes, dim, arg(x), arg(&parts), rows, columns, RUN);
    sum_all_parts(parts, runs, [columns])
}

impl Operation<Cube, 4, 2> for Linear {
    type Kept = ();

    fn forward(&self, inputs: [CubeTensor; 4]) -> (CubeTensor, ()) {
        let [x, weight, bias, added] = inputs.map(row);
        let ([rows, terms], [_, columns]) = (dims(&x), dims(&weight));
        let sizes = Sizes {
            rows,
            columns,
            terms,
            samples: 1,
        };
        let y = product(
            Factor::new(&x),
            Factor::new(&weight),
            Added {
                bias: self.has_bias.then_some(&bias),
                values: self.adds.then_some(&added),
            },
            sizes,
        );
        (reshaped(y, [rows, columns]), ())
    }

    fn needed<T>([x, weight, ..]: [T; 4]) -> [T; 2] {
        [x, weight]
    }

    fn backward(
        self,
        needed: [CubeTensor; 2],
        (): (),
        dy: CubeTensor,
        [of_x, of_weight, of_bias, _]: [bool; 4],
    ) -> [Option<CubeTensor>; 4] {
        let ([x, weight], dy) = (needed.map(row), row(dy));
        let ([rows, inner], [_, columns]) = (dims(&x), dims(&weight));
        let dx = of_x.then(|| {
            let sizes = Sizes {
                rows,
                columns: inner,
                terms: columns,
                samples: 1,
            };
            let dx = product(
                Factor::new(&dy),
                Factor::new(&weight).transposed(),
                Added::default(),
                sizes,
            );
            reshaped(dx, [rows, inner])
        });
        let dw = of_weight.then(|| {
            let sizes = Sizes {
                rows: inner,
                columns,
                terms: rows,
                samples: 1,
            };
            product_sum(Factor::new(&x).transposed(), Factor::new(&dy), sizes)
        });
        let db = of_bias.then(|| column_sums(&dy, [rows, columns]));
        [dx, dw, db, self.adds.then_some(dy)]
    }
}

/// The same values in another shape.
fn reshaped<const D: usize>(x: CubeTensor, shape: [usize; D]) -> CubeTensor {
    debug_assert_eq!(x.shape().num_elements(), shape.iter().product::<usize>());
    CubeTensor::new_contiguous(x.client, x.device, shape.into(), x.handle, x.dtype)
}
