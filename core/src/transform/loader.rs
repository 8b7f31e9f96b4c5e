//! The next patches, prepared on other threads while the device works.

#[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
mod prefetcher;

use std::sync::Arc;

use burn::tensor::Device;

use super::{Batch, Sampler};
use crate::dataset::LabelSet;

/// A sampler that is some batches ahead where there are threads: one for each core, so that a device is not
/// kept waiting by augmentation that takes a core longer than a step. As a draw depends on its number alone,
/// the patches are the same with and without.
#[derive(Debug)]
pub struct Loader {
    sampler: Arc<Sampler>,
    #[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
    prefetcher: prefetcher::Prefetcher,
}

impl Loader {
    /// Prepares the patches of `sampler`, of which the first `draws` are needed.
    #[cfg_attr(not(all(feature = "threads", not(target_arch = "wasm32"))), expect(unused_variables))]
    pub fn new(sampler: Sampler, draws: usize) -> Self {
        Self {
            sampler: Arc::new(sampler),
            #[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
            prefetcher: prefetcher::Prefetcher::new(draws),
        }
    }

    /// As [`Sampler::batch`]; what follows is then begun.
    pub fn batch(&mut self, first: usize, count: usize, labels: &LabelSet, device: &Device) -> Batch {
        #[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
        let drawn = self.prefetcher.take(first, count, &self.sampler);
        #[cfg(not(all(feature = "threads", not(target_arch = "wasm32"))))]
        let drawn = self.sampler.draw(first, count);
        self.sampler.upload(drawn, labels, device)
    }
}
