//! The next patches, prepared on another thread while the device works.

use std::sync::Arc;
#[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
use std::thread::{self, JoinHandle};

use burn::tensor::Device;

use super::{Drawn, Patch, Sampler};
use crate::dataset::LabelSet;

/// A sampler that is one batch ahead where there are threads. As a draw depends on its number alone, the
/// patches are the same with and without.
#[derive(Debug)]
pub struct Loader {
    sampler: Arc<Sampler>,
    #[cfg_attr(not(all(feature = "threads", not(target_arch = "wasm32"))), expect(dead_code))]
    draws: usize,
    #[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
    ahead: Option<(usize, usize, JoinHandle<Drawn>)>,
}

impl Loader {
    /// Prepares the patches of `sampler`, of which the first `draws` are needed.
    pub fn new(sampler: Sampler, draws: usize) -> Self {
        Self {
            sampler: Arc::new(sampler),
            draws,
            #[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
            ahead: None,
        }
    }

    /// As [`Sampler::batch`]; what follows is then begun.
    pub fn batch(
        &mut self,
        first: usize,
        count: usize,
        labels: &LabelSet,
        device: &Device,
    ) -> Patch {
        let drawn = self.draw(first, count);
        self.sampler.upload(drawn, labels, device)
    }

    #[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
    fn draw(&mut self, first: usize, count: usize) -> Drawn {
        let ready = self
            .ahead
            .take()
            .filter(|(start, length, _)| (*start, *length) == (first, count))
            .and_then(|(_, _, handle)| handle.join().ok());
        let drawn = ready.unwrap_or_else(|| self.sampler.draw(first, count));
        let (sampler, next) = (Arc::clone(&self.sampler), first + count);
        if next >= self.draws {
            return drawn;
        }
        let begun = thread::Builder::new()
            .name("patches".to_owned())
            .spawn(move || sampler.draw(next, count));
        // Without another thread, the patches are drawn when they are asked for.
        self.ahead = begun.ok().map(|handle| (next, count, handle));
        drawn
    }

    #[cfg(not(all(feature = "threads", not(target_arch = "wasm32"))))]
    fn draw(&mut self, first: usize, count: usize) -> Drawn {
        self.sampler.draw(first, count)
    }
}
