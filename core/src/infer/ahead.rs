//! Batches of windows that are computed before their turn to be blended comes, here and by the workers of a pool.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

use futures::future::{LocalBoxFuture, poll_immediate};

use super::pooled;
use crate::Result;
use crate::pool::{Message, Pool};

/// Batches that a worker has at most: the one that it computes, and what keeps it busy until this thread looks again.
const MOST_EACH: usize = 4;

/// Bytes of logits that may wait for each worker, unless two batches have more.
const BYTES_EACH: usize = 32 << 20;

/// Batches from the first that is not blended to the last that somebody computes, in the order of the windows.
#[derive(Debug)]
pub(super) struct Ahead {
    batches: VecDeque<Batch>,
    /// The first window that nobody has.
    next: usize,
    /// All of them.
    windows: usize,
    /// Windows of a batch.
    size: usize,
    /// Batches that a worker has at most.
    most_each: usize,
}

#[derive(Debug)]
struct Batch {
    windows: Range<usize>,
    logits: Logits,
}

enum Logits {
    Asked {
        worker: usize,
        answer: LocalBoxFuture<'static, Option<Message>>,
    },
    /// Its worker could not compute it.
    Failed,
    Known(Vec<f32>),
}

impl fmt::Debug for Logits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked { .. } => "Asked",
            Self::Failed => "Failed",
            Self::Known(_) => "Known",
        })
    }
}

impl Ahead {
    /// For so many windows, of which each has `bytes` of logits.
    pub fn new(windows: usize, size: usize, bytes: usize) -> Self {
        Self {
            batches: VecDeque::new(),
            next: 0,
            windows,
            size,
            most_each: (BYTES_EACH / (size * bytes).max(1)).clamp(2, MOST_EACH),
        }
    }

    /// Whether all windows were blended.
    pub fn is_over(&self) -> bool {
        self.batches.is_empty() && self.next == self.windows
    }

    /// Windows whose logits are known, those that were blended included.
    pub fn done(&self) -> usize {
        let open = |batch: &&Batch| !matches!(batch.logits, Logits::Known(_));
        let open = self.batches.iter().filter(open).map(|batch| batch.windows.len());
        self.next - open.sum::<usize>()
    }

    /// Takes the answers that have come, and gives batches to workers that have few; `part` is the message of a batch.
    /// Towards the end each gets less, so that nobody waits for the last of them, and the last batch is not sent.
    ///
    /// # Errors
    /// As `part`.
    pub async fn share(
        &mut self,
        pool: &mut Pool,
        mut part: impl FnMut(Range<usize>) -> Result<Message>,
    ) -> Result<()> {
        for batch in &mut self.batches {
            if let Logits::Asked { answer, .. } = &mut batch.logits
                && let Some(answer) = poll_immediate(answer).await
            {
                batch.hear(answer.as_ref(), pool);
            }
        }
        loop {
            let left = (self.windows - self.next).div_ceil(self.size);
            let most = (left / (2 * (1 + pool.size()))).clamp(1, self.most_each);
            let idle = pool.usable().min_by_key(|&worker| self.asked(worker));
            let Some(worker) = idle.filter(|&worker| left > 1 && self.asked(worker) < most) else {
                return Ok(());
            };
            let windows = self.take();
            let answer = pool.send(worker, part(windows.clone())?);
            let logits = Logits::Asked { worker, answer };
            self.batches.push_back(Batch { windows, logits });
        }
    }

    /// Makes one more batch known: one that a worker failed to compute, else the next, both by `compute`; else the
    /// first that a worker has, which is waited for.
    ///
    /// # Errors
    /// As `compute`.
    pub async fn advance(
        &mut self,
        pool: &mut Pool,
        compute: impl AsyncFnOnce(Range<usize>) -> Result<Vec<f32>>,
    ) -> Result<()> {
        let failed = |batch: &&mut Batch| matches!(batch.logits, Logits::Failed);
        if let Some(batch) = self.batches.iter_mut().find(failed) {
            batch.logits = Logits::Known(compute(batch.windows.clone()).await?);
            return Ok(());
        }
        let most = 2 * (1 + pool.size() * self.most_each);
        if self.next < self.windows && self.batches.len() < most {
            let windows = self.take();
            let logits = Logits::Known(compute(windows.clone()).await?);
            self.batches.push_back(Batch { windows, logits });
        } else if let Some(batch) = self.batches.front_mut()
            && let Logits::Asked { answer, .. } = &mut batch.logits
        {
            let answer = answer.await;
            batch.hear(answer.as_ref(), pool);
        }
        Ok(())
    }

    /// The first batch, if its logits are known.
    pub fn pop(&mut self) -> Option<(Range<usize>, Vec<f32>)> {
        let first = self.batches.pop_front()?;
        match first.logits {
            Logits::Known(logits) => Some((first.windows, logits)),
            _ => {
                self.batches.push_front(first);
                None
            }
        }
    }

    /// Batches that a worker has.
    fn asked(&self, worker: usize) -> usize {
        let has = |batch: &&Batch| matches!(batch.logits, Logits::Asked { worker: of, .. } if of == worker);
        self.batches.iter().filter(has).count()
    }

    /// The next batch, which the caller computes and blends.
    pub fn take(&mut self) -> Range<usize> {
        let first = self.next;
        self.next = (first + self.size).min(self.windows);
        first..self.next
    }
}

impl Batch {
    /// The answer of its worker.
    fn hear(&mut self, answer: Option<&Message>, pool: &mut Pool) {
        let found = answer.and_then(pooled::logits);
        let known = found.map_or(Logits::Failed, Logits::Known);
        if let Logits::Asked { worker, .. } = std::mem::replace(&mut self.logits, known) {
            pool.heard(worker, answer.is_some());
        }
    }
}

#[cfg(test)]
mod tests;
