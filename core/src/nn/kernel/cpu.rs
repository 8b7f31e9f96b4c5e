//! What the CPU kernels share: a tensor's values, and work cut into one share for each thread.

// Threads write disjoint parts of one output through a pointer.
#![allow(unsafe_code)]

use std::ops::Range;

use burn::backend::flex::FlexTensor;

/// The values of a contiguous tensor.
pub(super) fn values(tensor: &FlexTensor) -> &[f32] {
    let start = tensor.layout().start_offset();
    let count = tensor.layout().num_elements();
    &tensor.storage::<f32>()[start..start + count]
}

/// Cuts `0..count` into one run for each thread and maps every run.
pub(super) fn for_each_share<T: Send>(
    count: usize,
    work: impl Fn(Range<usize>) -> T + Sync + Send,
) -> Vec<T> {
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

/// Cuts `0..count` into one run for each thread and adds up what the runs add to `length` sums.
/// Thousands of terms meet here: in f32 their sum would lose the digits that Adam looks at.
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
        total
            .iter_mut()
            .zip(share)
            .for_each(|(total, part)| *total += part);
    }
    total
}

/// Maps every chunk of `size` values, with its index, on all threads.
pub(super) fn map_chunks<T: Send>(
    values: &mut [f32],
    size: usize,
    work: impl Fn(usize, &mut [f32]) -> T + Sync + Send,
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

/// An output that several threads write to, each to its own values.
#[derive(Clone, Copy)]
pub(super) struct Shared(pub *mut f32);

// SAFETY: whoever writes through it promises disjoint places, see `at`.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// A place in the output.
    ///
    /// # Safety
    /// `offset` must lie inside the output, and no two threads may write the same value.
    pub(super) unsafe fn at(&self, offset: usize) -> *mut f32 {
        // SAFETY: the caller's promise.
        unsafe { self.0.add(offset) }
    }
}
