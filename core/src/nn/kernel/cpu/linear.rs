//! Linear layers: one matrix product forward, two backward.

// See `matrix`.
#![allow(unsafe_code)]

use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::tensor::Shape;

use super::matrix::{Matrix, Target, multiply, product};
use super::work::{fill, sum_shares, tensor, values};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::Linear;

impl Operation<Flex, 4, 2> for Linear {
    type Kept = ();

    fn forward(&self, inputs: [FlexTensor; 4]) -> (FlexTensor, ()) {
        let [x, weight, bias, added] = inputs.map(|tensor| tensor.to_contiguous());
        let [rows, inner] = dims(&x);
        let columns = dims(&weight)[1];
        let (x, weight) = (values(&x), values(&weight));
        let (bias, added) = (values(&bias), values(&added));
        let none = vec![0.0; if self.has_bias { 0 } else { columns }];
        let bias = if self.has_bias { bias } else { &none };
        let (mut y, _) = fill(rows * columns, columns, |index, row| match self.adds {
            true => row.put_pairs(&added[index * columns..][..columns], bias, |added, bias| added + bias),
            false => row.put(bias),
        });
        let target = Target {
            place: y.as_mut_ptr(),
            row: columns,
        };
        let (x, weight) = (Matrix::rows(x, inner), Matrix::rows(weight, columns));
        // SAFETY: every row of the result holds what the product is added to.
        unsafe { multiply(target, x, weight, [rows, columns, inner], true, true) };
        (tensor(y, Shape::from([rows, columns])), ())
    }

    fn needed<T>([x, weight, ..]: [T; 4]) -> [T; 2] {
        [x, weight]
    }

    fn backward(
        self,
        needed: [FlexTensor; 2],
        (): (),
        dy: FlexTensor,
        [of_x, of_weight, of_bias, _]: [bool; 4],
    ) -> [Option<FlexTensor>; 4] {
        let dy = dy.to_contiguous();
        let [x, weight] = needed.map(|tensor| tensor.to_contiguous());
        let ([rows, inner], columns) = (dims(&x), dims(&weight)[1]);
        let matrix = Matrix::rows(values(&dy), columns);
        let dx = of_x.then(|| {
            let weight = Matrix::rows(values(&weight), columns).transposed();
            let dx = product(matrix, weight, [rows, inner, columns]);
            tensor(dx, Shape::from([rows, inner]))
        });
        let dw = of_weight.then(|| {
            let x = Matrix::rows(values(&x), inner).transposed();
            let dw = product(x, matrix, [inner, columns, rows]);
            tensor(dw, Shape::from([inner, columns]))
        });
        let db = of_bias.then(|| {
            let sums = column_sums(values(&dy), [rows, columns]);
            tensor(sums, Shape::from([columns]))
        });
        [dx, dw, db, self.adds.then_some(dy)]
    }
}

/// The sum over the rows of `[row, column]`, in f64.
pub(super) fn column_sums(matrix: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    let sums = sum_shares(rows, columns, |share, sums| {
        let rows = &matrix[share.start * columns..share.end * columns];
        for row in rows.chunks_exact(columns) {
            let places = sums.iter_mut().zip(row);
            places.for_each(|(sum, &value)| *sum += f64::from(value));
        }
    });
    sums.into_iter().map(|sum| sum as f32).collect()
}

fn dims(tensor: &FlexTensor) -> [usize; 2] {
    let shape = tensor.shape();
    [shape[0], shape[1]]
}
