//! Matrix products.

// The product is an unsafe function of pointers and strides.
#![allow(unsafe_code)]

/// A matrix: its values starting with the first, and the strides of rows and columns.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub values: &'a [f32],
    pub row: usize,
    pub column: usize,
}

impl<'a> Matrix<'a> {
    /// Rows of `columns` values, one after the other.
    pub(super) fn rows(values: &'a [f32], columns: usize) -> Self {
        Self {
            values,
            row: columns,
            column: 1,
        }
    }

    /// Rows and columns exchanged.
    pub(super) fn transposed(self) -> Self {
        Self {
            row: self.column,
            column: self.row,
            ..self
        }
    }

    fn check(&self, rows: usize, columns: usize) {
        let last = rows.saturating_sub(1) * self.row + columns.saturating_sub(1) * self.column;
        assert!(last < self.values.len(), "a matrix ends before its last value");
    }
}

/// Destination of a product, with rows `row` values apart.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub place: *mut f32,
    pub row: usize,
}

/// Writes `left · right` of `[rows, inner]` and `[inner, columns]`, or adds it to the existing values.
///
/// # Safety
/// `target` must have room for `rows` rows of `columns` values that no other thread accesses; for `add` they must be
/// initialized.
pub(super) unsafe fn multiply(
    target: Target,
    left: Matrix<'_>,
    right: Matrix<'_>,
    [rows, columns, inner]: [usize; 3],
    add: bool,
    parallel: bool,
) {
    left.check(rows, inner);
    right.check(inner, columns);
    #[cfg(feature = "threads")]
    let parallelism = if parallel {
        gemm::Parallelism::Rayon(0)
    } else {
        gemm::Parallelism::None
    };
    #[cfg(not(feature = "threads"))]
    let parallelism = {
        let _ = parallel;
        gemm::Parallelism::None
    };
    // SAFETY: the factors were checked above, the target is the caller's promise.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            target.place,
            1,
            target.row as isize,
            add,
            left.values.as_ptr(),
            left.column as isize,
            left.row as isize,
            right.values.as_ptr(),
            right.column as isize,
            right.row as isize,
            if add { 1.0 } else { 0.0 },
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// `left · right` as rows, on all threads.
pub(super) fn product(left: Matrix<'_>, right: Matrix<'_>, sizes: [usize; 3]) -> Vec<f32> {
    let [rows, columns, inner] = sizes;
    if inner == 0 {
        return vec![0.0; rows * columns];
    }
    let mut values: Vec<f32> = Vec::with_capacity(rows * columns);
    let target = Target {
        place: values.as_mut_ptr(),
        row: columns,
    };
    // SAFETY: there is room for all values; afterwards they have been written.
    unsafe {
        multiply(target, left, right, sizes, false, true);
        values.set_len(rows * columns);
    }
    values
}
