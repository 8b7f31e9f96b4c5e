use std::cell::Cell;
use std::rc::Rc;
use std::task::Poll;

use futures::FutureExt;
use futures::executor::block_on;
use futures::future::{LocalBoxFuture, poll_fn};

use super::{Ahead, MOST_EACH};
use crate::pool::{Kind, Message, Pool, Worker, to_bytes};

/// Answers each message with itself once it was asked for it `after` times, and none of those from `dies_at` on.
struct Echo {
    after: usize,
    dies_at: usize,
    asked: Cell<usize>,
    waiting: Rc<Cell<usize>>,
    most_waiting: Cell<usize>,
}

impl Echo {
    fn new(after: usize, dies_at: usize) -> Rc<Self> {
        Rc::new(Self {
            after,
            dies_at,
            asked: Cell::new(0),
            waiting: Rc::default(),
            most_waiting: Cell::new(0),
        })
    }
}

impl Worker for Echo {
    fn ask(&self, message: Message) -> LocalBoxFuture<'static, Option<Message>> {
        let number = self.asked.replace(self.asked.get() + 1);
        let (mut left, dies, waiting) = (self.after, number >= self.dies_at, Rc::clone(&self.waiting));
        waiting.set(waiting.get() + 1);
        self.most_waiting.set(self.most_waiting.get().max(waiting.get()));
        poll_fn(move |context| {
            if left > 0 {
                left -= 1;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            waiting.set(waiting.get() - 1);
            Poll::Ready((!dies).then(|| message.clone()))
        })
        .boxed_local()
    }
}

fn message(first: usize) -> crate::Result<Message> {
    Message::new(Kind::Segmentation, &(), vec![to_bytes(&[first as f32])])
}

/// The first windows of all batches in the order in which they came out, and how many were computed here.
fn through(workers: &[Rc<Echo>], windows: usize, size: usize) -> (Vec<usize>, usize) {
    let workers: Vec<_> = workers
        .iter()
        .map(|worker| Rc::clone(worker) as Rc<dyn Worker>)
        .collect();
    let mut pool = match workers.is_empty() {
        true => Pool::default(),
        false => Pool::new(&workers, message(0).expect("a message")),
    };
    let (mut ahead, mut found, mut here) = (Ahead::new(windows, size, 4), Vec::new(), 0);
    let mut turns = 0;
    while !ahead.is_over() {
        block_on(async {
            ahead.share(&mut pool, |batch| message(batch.start)).await?;
            let own = async |batch: std::ops::Range<usize>| {
                here += 1;
                Ok(vec![batch.start as f32])
            };
            ahead.advance(&mut pool, own).await
        })
        .expect("a batch");
        while let Some((batch, logits)) = ahead.pop() {
            assert_eq!(logits, [batch.start as f32]);
            assert!(batch.len() == size || batch.end == windows);
            found.push(batch.start);
        }
        turns += 1;
        assert!(turns <= 2 * windows, "{ahead:?}");
    }
    assert_eq!(ahead.done(), windows);
    (found, here)
}

/// Whoever computes a batch and however late the answer is, each comes out once and in its turn.
#[test]
fn batches_come_out_in_order() {
    for (windows, size) in [(1, 1), (2, 1), (3, 2), (40, 1), (41, 4)] {
        let expected: Vec<usize> = (0..windows).step_by(size).collect();
        assert_eq!(through(&[], windows, size), (expected.clone(), expected.len()));
        for (after, dies_at) in [(0, 100), (1, 100), (7, 100), (0, 0), (2, 3), (5, 9)] {
            let workers = [Echo::new(after, dies_at), Echo::new(0, 100)];
            let (found, here) = through(&workers, windows, size);
            assert_eq!(
                found, expected,
                "{windows} by {size}, a worker that is {after} late, until {dies_at}"
            );
            // This thread is never idle while there is something to compute.
            assert!(here >= 1);
        }
    }
}

/// A worker has the next batch while this thread computes its own, and never more than so many.
#[test]
fn workers_have_something_to_go_on_with() {
    let slow = Echo::new(6, usize::MAX);
    let (_, here) = through(std::slice::from_ref(&slow), 60, 1);
    // The first is waited for together with the setup.
    assert_eq!(slow.most_waiting.get(), MOST_EACH + 1);
    assert_eq!(here + slow.asked.get() - 1, 60);
}
