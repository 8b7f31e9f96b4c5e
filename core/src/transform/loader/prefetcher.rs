//! Batches that are prepared on threads of their own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::transform::{HostBatch, Sampler};

/// Most batches that are prepared at the same time.
const MOST: usize = 8;

/// Batches that are being prepared, in their order.
#[derive(Debug)]
pub(super) struct Prefetcher {
    /// First draw and number of draws of each.
    batches: VecDeque<(usize, usize, JoinHandle<HostBatch>)>,
    draws: usize,
}

impl Prefetcher {
    /// Of the first `draws` draws.
    pub fn new(draws: usize) -> Self {
        Self {
            batches: VecDeque::new(),
            draws,
        }
    }

    /// The patches of draw `first` and the `count − 1` after it; those that follow are begun.
    pub fn take(&mut self, first: usize, count: usize, sampler: &Arc<Sampler>) -> HostBatch {
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
