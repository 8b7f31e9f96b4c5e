//! A pool of workers: other instances of the program that share the work of a task.
//!
//! Threads of a web page share no memory, so what they do for each other travels as [`Message`]s: windows of a scan and
//! the logits in them, patches and the gradients of them. The coordinator works too, keeps the order of all sums, and
//! does itself what a worker failed to do: a result does not depend on the number of workers.

mod message;
mod worker;

pub use message::Message;
pub(crate) use message::{Kind, floats, to_bytes};
pub use worker::{Pool, Worker};
