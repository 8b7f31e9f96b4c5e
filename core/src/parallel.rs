//! Parallel map.

/// Runs `work` on every item, on all cores if threads are available. Results are in the order of the items.
#[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
pub(crate) fn map<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    use rayon::prelude::*;
    items.into_par_iter().map(&work).collect()
}

/// Runs `work` on every item, in turn.
#[cfg(not(all(feature = "threads", not(target_arch = "wasm32"))))]
pub(crate) fn map<T, R>(items: Vec<T>, work: impl Fn(T) -> R) -> Vec<R> {
    items.into_iter().map(work).collect()
}
