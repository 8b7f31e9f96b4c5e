//! Shared by the CPU kernels: access to a tensor's values, and distribution of work over threads.

// Outputs are written once, by several threads, without being zeroed first.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::ops::Range;

use burn::backend::flex::FlexTensor;
use burn::tensor::{Shape, TensorData};
use pulp::{Arch, Simd, WithSimd};

/// Values that one thread maps at a time: few enough for the L1 cache.
pub(super) const CHUNK: usize = 4096;

/// The values of a contiguous tensor.
pub(super) fn values(tensor: &FlexTensor) -> &[f32] {
    let start = tensor.layout().start_offset();
    let count = tensor.layout().num_elements();
    &tensor.storage::<f32>()[start..start + count]
}

/// A tensor with these values.
pub(super) fn tensor(values: Vec<f32>, shape: Shape) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// Number of threads.
pub(super) fn threads() -> usize {
    #[cfg(feature = "threads")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "threads"))]
    1
}

/// Maps the values of two tensors of one shape.
pub(super) fn map_pairs(a: &FlexTensor, b: &FlexTensor, value: impl Fn(f32, f32) -> f32 + Sync + Copy) -> FlexTensor {
    let (a, b) = (a.to_contiguous(), b.to_contiguous());
    let shape = a.layout().shape().clone();
    let (a, b) = (values(&a), values(&b));
    let (y, _) = fill(a.len(), CHUNK, |index, y| {
        let range = index * CHUNK..index * CHUNK + y.len();
        let (a, b) = (&a[range.clone()], &b[range]);
        vectorized(
            // A copy: values read through a pointer could change with every write.
            #[inline(always)]
            move || y.put_pairs(a, b, value),
        );
    });
    tensor(y, shape)
}

/// Runs `work` in code compiled for this processor's vectors. A closure must be `#[inline(always)]`: otherwise it is
/// compiled for the baseline.
pub(super) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    struct Vectorised<F>(F);
    impl<R, F: FnOnce() -> R> WithSimd for Vectorised<F> {
        type Output = R;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> R {
            (self.0)()
        }
    }
    Arch::new().dispatch(Vectorised(work))
}

/// Runs `work` for each of `0..count` on all threads, with scratch that is reused.
pub(super) fn for_each<R>(
    count: usize,
    scratch: impl Fn() -> R + Sync + Send,
    work: impl Fn(&mut R, usize) + Sync + Send,
) {
    #[cfg(feature = "threads")]
    {
        use rayon::prelude::*;
        (0..count).into_par_iter().for_each_init(scratch, work);
    }
    #[cfg(not(feature = "threads"))]
    {
        let mut scratch = scratch();
        (0..count).for_each(|index| work(&mut scratch, index));
    }
}

/// Splits `0..count` into one range per thread and maps every range.
pub(super) fn for_each_share<T: Send>(count: usize, work: impl Fn(Range<usize>) -> T + Sync + Send) -> Vec<T> {
    #[cfg(feature = "threads")]
    {
        use rayon::prelude::*;
        let share = count.div_ceil(rayon::current_num_threads()).max(1);
        let starts: Vec<usize> = (0..count).step_by(share).collect();
        starts
            .into_par_iter()
            .map(|start| work(start..(start + share).min(count)))
            .collect()
    }
    #[cfg(not(feature = "threads"))]
    vec![work(0..count)]
}

/// Splits `0..count` into one range per thread and adds up their contributions to `length` sums. Thousands of terms are
/// added: in f32 their sum would lose digits that matter to Adam.
pub(super) fn sum_shares(
    count: usize,
    length: usize,
    work: impl Fn(Range<usize>, &mut [f64]) + Sync + Send,
) -> Vec<f64> {
    let shares = for_each_share(count, |share| {
        let mut sums = vec![0.0; length];
        work(share, &mut sums);
        sums
    });
    let mut total = vec![0.0; length];
    for share in shares {
        total.iter_mut().zip(share).for_each(|(total, part)| *total += part);
    }
    total
}

/// `length` values that `work` writes, in chunks of `size` (the last may be shorter) on all threads, and its results
/// for every chunk.
pub(super) fn fill<T: Send>(
    length: usize,
    size: usize,
    work: impl Fn(usize, &mut Writer<'_>) -> T + Sync + Send,
) -> (Vec<f32>, Vec<T>) {
    let mut values = Vec::with_capacity(length);
    let spare = &mut values.spare_capacity_mut()[..length];
    let results = map_chunks(spare, size, |index, target| {
        let mut writer = Writer { target, written: 0 };
        let result = work(index, &mut writer);
        assert_eq!(writer.written, writer.target.len(), "a chunk is not whole");
        result
    });
    // SAFETY: there is room for `length` values, and every chunk of them has been written whole.
    unsafe { values.set_len(length) };
    (values, results)
}

/// Writes a run of values, one after the other.
pub(super) struct Writer<'a> {
    target: &'a mut [MaybeUninit<f32>],
    written: usize,
}

impl Writer<'_> {
    /// Total number of values to write.
    pub(super) fn len(&self) -> usize {
        self.target.len()
    }

    /// Writes a slice.
    #[inline(always)]
    pub(super) fn put(&mut self, values: &[f32]) {
        let end = self.written + values.len();
        self.target[self.written..end].write_copy_of_slice(values);
        self.written = end;
    }

    /// Writes a short slice; see [`copy_row`].
    #[inline(always)]
    pub(super) fn put_row(&mut self, row: &[f32]) {
        let end = self.written + row.len();
        let target = &mut self.target[self.written..end];
        // SAFETY: the target is as long as the row.
        unsafe { copy_row(row, target.as_mut_ptr().cast()) };
        self.written = end;
    }

    /// Writes `count` zeros.
    #[inline(always)]
    pub(super) fn put_zeros(&mut self, count: usize) {
        let end = self.written + count;
        self.target[self.written..end].fill(MaybeUninit::new(0.0));
        self.written = end;
    }

    /// Writes `value` of each of `sources`.
    #[inline(always)]
    pub(super) fn put_each<S: Copy>(&mut self, sources: &[S], value: impl Fn(S) -> f32) {
        let end = self.written + sources.len();
        for (target, &source) in self.target[self.written..end].iter_mut().zip(sources) {
            target.write(value(source));
        }
        self.written = end;
    }

    /// Writes `value` of each pair of two slices of equal length.
    #[inline(always)]
    pub(super) fn put_pairs(&mut self, a: &[f32], b: &[f32], value: impl Fn(f32, f32) -> f32) {
        let count = a.len().min(b.len());
        let end = self.written + count;
        let (target, a, b) = (&mut self.target[self.written..end], &a[..count], &b[..count]);
        for n in 0..count {
            target[n].write(value(a[n], b[n]));
        }
        self.written = end;
    }

    /// Writes `value` of each triple of three slices of equal length.
    #[inline(always)]
    pub(super) fn put_triples(&mut self, a: &[f32], b: &[f32], c: &[f32], value: impl Fn(f32, f32, f32) -> f32) {
        let count = a.len().min(b.len()).min(c.len());
        let end = self.written + count;
        let target = &mut self.target[self.written..end];
        let (a, b, c) = (&a[..count], &b[..count], &c[..count]);
        for n in 0..count {
            target[n].write(value(a[n], b[n], c[n]));
        }
        self.written = end;
    }
}

/// Maps every chunk of `size` values, with its index, on all threads.
pub(super) fn map_chunks<V: Send, T: Send>(
    values: &mut [V],
    size: usize,
    work: impl Fn(usize, &mut [V]) -> T + Sync + Send,
) -> Vec<T> {
    #[cfg(feature = "threads")]
    {
        use rayon::prelude::*;
        let chunks = values.par_chunks_mut(size.max(1)).enumerate();
        chunks.map(|(index, chunk)| work(index, chunk)).collect()
    }
    #[cfg(not(feature = "threads"))]
    {
        let chunks = values.chunks_mut(size.max(1)).enumerate();
        chunks.map(|(index, chunk)| work(index, chunk)).collect()
    }
}

/// Copies a row of a few dozen values, for which calling the C library's copy would take longer than the copy.
///
/// # Safety
/// There must be room for the row at `to`.
#[inline(always)]
pub(super) unsafe fn copy_row(row: &[f32], to: *mut f32) {
    let (chunks, rest) = row.as_chunks::<16>();
    // SAFETY: the caller's promise.
    unsafe {
        for (index, chunk) in chunks.iter().enumerate() {
            to.add(16 * index).cast::<[f32; 16]>().write_unaligned(*chunk);
        }
        for (index, &value) in rest.iter().enumerate() {
            to.add(16 * chunks.len() + index).write(value);
        }
    }
}

/// An output that several threads write to, each to its own values.
#[derive(Clone, Copy)]
pub(super) struct Shared(pub *mut f32);

// SAFETY: writers promise disjoint places, see `at`.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// A pointer to a value of the output.
    ///
    /// # Safety
    /// `offset` must lie inside the output, and no two threads may write the same value.
    pub(super) unsafe fn at(&self, offset: usize) -> *mut f32 {
        // SAFETY: the caller's promise.
        unsafe { self.0.add(offset) }
    }
}
