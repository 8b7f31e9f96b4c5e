//! Workers as their coordinator sees them.

use std::fmt;
use std::rc::Rc;

use futures::future::{LocalBoxFuture, join, join_all};

use super::{Kind, Message};

/// A worker that failed this many times is asked no more.
const FAILURES: usize = 3;

/// Another instance of the program.
pub trait Worker {
    /// Sends a message before it returns, and gives the answer when it comes: `None` where the worker died over it.
    /// Another takes its place then, which has seen none of the messages before.
    fn ask(&self, message: Message) -> LocalBoxFuture<'static, Option<Message>>;
}

/// Workers with a common task.
#[derive(Default)]
pub struct Pool {
    members: Vec<Member>,
    /// What each has to know before it can do its part.
    setup: Option<Message>,
}

struct Member {
    worker: Rc<dyn Worker>,
    /// Whether it was sent the setup.
    ready: bool,
    failures: usize,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("workers", &self.size())
            .finish_non_exhaustive()
    }
}

impl Pool {
    /// Workers that each are sent `setup` before their first part, again where another took one's place.
    pub(crate) fn new(workers: &[Rc<dyn Worker>], setup: Message) -> Self {
        let member = |worker: &Rc<dyn Worker>| Member {
            worker: Rc::clone(worker),
            ready: false,
            failures: 0,
        };
        Self {
            members: workers.iter().map(member).collect(),
            setup: Some(setup),
        }
    }

    /// How many workers can be asked.
    pub fn size(&self) -> usize {
        self.usable().count()
    }

    /// Whether each of these has done what it was last asked: it holds what was sent before.
    pub(crate) fn is_ready(&self) -> bool {
        self.members.iter().all(|member| member.ready || !member.usable())
    }

    /// The numbers of the workers that can be asked.
    pub(crate) fn usable(&self) -> impl Iterator<Item = usize> {
        let members = self.members.iter().enumerate();
        members.filter(|(_, member)| member.usable()).map(|(number, _)| number)
    }

    /// Sends a part to worker `number` before it returns. Whether it was answered is to be [told](Self::heard).
    pub(crate) fn send(&mut self, number: usize, part: Message) -> LocalBoxFuture<'static, Option<Message>> {
        self.members[number].send(self.setup.as_ref(), part)
    }

    /// Whether worker `number` did its part.
    pub(crate) fn heard(&mut self, number: usize, answered: bool) {
        self.members[number].heard(answered);
    }

    /// Sends each part to a worker of its own, does `own` meanwhile, and waits for all answers; `None` stands for a
    /// part that its worker failed to do, or for which there is none.
    pub(crate) async fn share<T>(
        &mut self,
        parts: Vec<Message>,
        own: impl Future<Output = T>,
    ) -> (T, Vec<Option<Message>>) {
        let count = parts.len();
        let members: Vec<usize> = self.usable().collect();
        // All are sent before anything is waited for: the coordinator's own part keeps this thread busy.
        let sent = members.iter().zip(parts).map(|(&member, part)| self.send(member, part));
        let sent: Vec<_> = sent.collect();
        let (own, mut answers) = join(own, join_all(sent)).await;
        for (&member, answer) in members.iter().zip(&answers) {
            self.heard(member, answer.is_some());
        }
        answers.resize(count, None);
        (own, answers)
    }
}

impl Member {
    fn usable(&self) -> bool {
        self.failures < FAILURES
    }

    fn send(&mut self, setup: Option<&Message>, part: Message) -> LocalBoxFuture<'static, Option<Message>> {
        let setup = setup
            .filter(|_| !self.ready)
            .map(|setup| self.worker.ask(setup.clone()));
        self.ready = true;
        let answer = self.worker.ask(part);
        Box::pin(async move {
            let done = |answer: &Message| !matches!(answer.kind(), Ok(Kind::Failed) | Err(_));
            if let Some(setup) = setup {
                setup.await.filter(done)?;
            }
            answer.await.filter(done)
        })
    }

    fn heard(&mut self, answered: bool) {
        if !answered {
            // One death may leave several parts undone.
            self.failures += usize::from(self.ready);
            self.ready = false;
        }
    }
}
