//! Prefetching of batches on separate threads.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::transform::{HostBatch, Sampler};

/// Maximum number of batches prepared concurrently.
const MOST: usize = 8;

/// Batches in preparation, in order.
#[derive(Debug)]
pub(super) struct Prefetcher {
    /// First draw and number of draws of each.
    batches: VecDeque<(usize, usize, JoinHandle<HostBatch>)>,
    draws: usize,
}

impl Prefetcher {
    /// A prefetcher for the first `draws` draws.
    pub fn new(draws: usize) -> Self {
        Self {
            batches: VecDeque::new(),
            draws,
        }
    }

    /// The patches of draw `first` and the `count − 1` after it; also starts those that follow.
    pub fn take(&mut self, first: usize, count: usize, sampler: &Arc<Sampler>) -> HostBatch {
        let next = self.batches.front();
        if next.is_none_or(|&(start, length, _)| (start, length) != (first, count)) {
            // The caller jumped to another draw: start over.
            self.batches.clear();
        }
        let ready = self.batches.pop_front();
        let ready = ready.and_then(|(_, _, handle)| handle.join().ok());
        let drawn = ready.unwrap_or_else(|| sampler.draw(first, count));
        self.begin(first + count, count, sampler);
        drawn
    }

    /// Starts batches of `count` draws, the first at `next` if none is in progress.
    fn begin(&mut self, next: usize, count: usize, sampler: &Arc<Sampler>) {
        let workers = thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST));
        let last = self.batches.back();
        let mut next = last.map_or(next, |(start, length, _)| start + length);
        while self.batches.len() < workers && next < self.draws {
            let sampler = Arc::clone(sampler);
            let begun = thread::Builder::new()
                .name("patches".to_owned())
                .spawn(move || sampler.draw(next, count));
            // Without another thread, the patches are drawn on request.
            let Ok(handle) = begun else { return };
            self.batches.push_back((next, count, handle));
            next += count;
        }
    }
}
