//! The next patches, prepared on other threads while the device works.

#[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
use std::collections::VecDeque;
use std::sync::Arc;
#[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
use std::thread::{self, JoinHandle};

use burn::tensor::Device;

use super::{Drawn, Patch, Sampler};
use crate::dataset::LabelSet;

/// Most batches that are prepared at the same time.
#[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
const MOST: usize = 8;

/// A sampler that is some batches ahead where there are threads: one for each core, so that a device is not
/// kept waiting by augmentation that takes a core longer than a step. As a draw depends on its number alone,
/// the patches are the same with and without.
#[derive(Debug)]
pub struct Loader {
    sampler: Arc<Sampler>,
    #[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
    ahead: Ahead,
}

impl Loader {
    /// Prepares the patches of `sampler`, of which the first `draws` are needed.
    #[cfg_attr(
        not(all(feature = "threads", not(target_arch = "wasm32"))),
        expect(unused_variables)
    )]
    pub fn new(sampler: Sampler, draws: usize) -> Self {
        Self {
            sampler: Arc::new(sampler),
            #[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
            ahead: Ahead {
                batches: VecDeque::new(),
                draws,
            },
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
        #[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
        let drawn = self.ahead.take(first, count, &self.sampler);
        #[cfg(not(all(feature = "threads", not(target_arch = "wasm32"))))]
        let drawn = self.sampler.draw(first, count);
        self.sampler.upload(drawn, labels, device)
    }
}

/// Batches that are being prepared, in their order.
#[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
#[derive(Debug)]
struct Ahead {
    /// First draw and number of draws of each.
    batches: VecDeque<(usize, usize, JoinHandle<Drawn>)>,
    draws: usize,
}

#[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
impl Ahead {
    fn take(&mut self, first: usize, count: usize, sampler: &Arc<Sampler>) -> Drawn {
        let next = self.batches.front();
        if next.is_none_or(|&(start, length, _)| (start, length) != (first, count)) {
            // A run that goes on elsewhere begins anew.
            self.batches.clear();
        }
        let ready = self.batches.pop_front();
        let ready = ready.and_then(|(_, _, handle)| handle.join().ok());
        let drawn = ready.unwrap_or_else(|| sampler.draw(first, count));
        self.begin(first + count, count, sampler);
        drawn
    }

    /// Begins batches of `count` draws, the first of them at `next` if none is under way.
    fn begin(&mut self, next: usize, count: usize, sampler: &Arc<Sampler>) {
        let workers = thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST));
        let last = self.batches.back();
        let mut next = last.map_or(next, |(start, length, _)| start + length);
        while self.batches.len() < workers && next < self.draws {
            let sampler = Arc::clone(sampler);
            let begun = thread::Builder::new()
                .name("patches".to_owned())
                .spawn(move || sampler.draw(next, count));
            // Without another thread, the patches are drawn when they are asked for.
            let Ok(handle) = begun else { return };
            self.batches.push_back((next, count, handle));
            next += count;
        }
    }
}
