//! What travels between a coordinator and its workers.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Networks that segment, and windows for them.
    Segmentation,
    /// A network in training, and patches for it.
    Training,
    /// An answer: it could not be done, and why.
    Failed,
}

/// A request to a worker, or its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What is asked or answered, as JSON.
    pub head: String,
    /// The numbers that belong to it: files, or values as this machine writes them. Several messages may share one.
    pub parts: Vec<Arc<Vec<u8>>>,
}

#[derive(Serialize, Deserialize)]
struct Head<T> {
    kind: Kind,
    body: T,
}

impl Message {
    pub(crate) fn new<T: Serialize>(kind: Kind, body: &T, parts: Vec<Arc<Vec<u8>>>) -> Result<Self> {
        let head = serde_json::to_string(&Head { kind, body }).map_err(unreadable)?;
        Ok(Self { head, parts })
    }

    /// The answer to what could not be done.
    pub(crate) fn failed(reason: &Error) -> Self {
        // A sentence is always JSON.
        let head = serde_json::json!({ "kind": Kind::Failed, "body": reason.to_string() });
        Self {
            head: head.to_string(),
            parts: Vec::new(),
        }
    }

    pub(crate) fn kind(&self) -> Result<Kind> {
        let head: Head<serde::de::IgnoredAny> = serde_json::from_str(&self.head).map_err(unreadable)?;
        Ok(head.kind)
    }

    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T> {
        let head: Head<T> = serde_json::from_str(&self.head).map_err(unreadable)?;
        Ok(head.body)
    }

    /// Part `index`.
    pub(crate) fn part(&self, index: usize) -> Result<&[u8]> {
        let part = self.parts.get(index).map(|part| part.as_slice());
        part.ok_or_else(|| unreadable(format!("part {index} is missing")))
    }
}

fn unreadable(problem: impl std::fmt::Display) -> Error {
    Error::Pool(format!("a message cannot be read ({problem})"))
}

/// Values as bytes. Weights of a step are some ten megabytes, so these are copies in one go.
pub(crate) fn to_bytes(values: &[f32]) -> Arc<Vec<u8>> {
    Arc::new(bytemuck::cast_slice(values).to_vec())
}

/// The values that [`to_bytes`] wrote.
pub(crate) fn floats(bytes: &[u8]) -> Vec<f32> {
    let whole = bytes.len() / size_of::<f32>() * size_of::<f32>();
    bytemuck::pod_collect_to_vec(&bytes[..whole])
}

#[cfg(test)]
mod tests {
    use super::{Kind, Message, floats, to_bytes};

    #[test]
    fn a_message_keeps_its_kind_body_and_values() {
        let values = [1.5, f32::NAN, -0.0, f32::MIN_POSITIVE];
        let message = Message::new(Kind::Training, &(7, "x"), vec![to_bytes(&values)]).expect("a message");
        assert_eq!(message.kind().expect("a kind"), Kind::Training);
        assert_eq!(message.body::<(u8, String)>().expect("a body"), (7, "x".to_owned()));
        let read = floats(message.part(0).expect("a part"));
        assert!(read.iter().zip(values).all(|(a, b)| a.to_bits() == b.to_bits()) && read.len() == 4);
        assert!(message.part(1).is_err() && message.body::<f64>().is_err());
    }
}
