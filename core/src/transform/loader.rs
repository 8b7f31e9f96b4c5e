//! Batches prefetched on other threads while the device works.

#[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
mod prefetcher;

use std::sync::Arc;

use super::{HostBatch, Sampler};

/// A sampler that prefetches batches if threads are available: one per core, so that a device does not wait for
/// augmentation that takes a core longer than a step. Since a draw depends only on its number, the patches are the same
/// either way.
#[derive(Debug)]
pub struct Loader {
    sampler: Arc<Sampler>,
    #[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
    prefetcher: prefetcher::Prefetcher,
}

impl Loader {
    /// A loader for the first `draws` draws of `sampler`.
    #[cfg_attr(not(all(feature = "threads", not(target_arch = "wasm32"))), expect(unused_variables))]
    pub fn new(sampler: Sampler, draws: usize) -> Self {
        Self {
            sampler: Arc::new(sampler),
            #[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
            prefetcher: prefetcher::Prefetcher::new(draws),
        }
    }

    /// As [`Sampler::draw`], out of turn.
    pub fn peek(&self, first: usize, count: usize) -> HostBatch {
        self.sampler.draw(first, count)
    }

    /// As [`Sampler::draw`]; also starts the batches that follow.
    pub fn draw(&mut self, first: usize, count: usize) -> HostBatch {
        #[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
        return self.prefetcher.take(first, count, &self.sampler);
        #[cfg(not(all(feature = "threads", not(target_arch = "wasm32"))))]
        return self.sampler.draw(first, count);
    }
}
