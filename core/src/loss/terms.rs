//! The terms of the joint loss.

use serde::{Deserialize, Deserializer, Serialize};

/// The joint loss of a training step and its terms, averaged over the batch, without a unit: tensors `[1]` on a device,
/// numbers in events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de> + From<f64>"))]
pub struct Terms<T> {
    /// What is minimized: `supervised + masked + β · consistency`; in pretraining the self-supervised loss, beside a
    /// supervised one of 0. In f16 it may be infinite or NaN; such a step is skipped.
    #[serde(deserialize_with = "number")]
    pub total: T,
    /// The supervised loss of the student on the clean view.
    #[serde(deserialize_with = "number")]
    pub supervised: T,
    /// The supervised loss of the student on the masked view; `None` without MedContext.
    pub masked: Option<T>,
    /// Consistency of the masked student with the EMA teacher, before β; `None` without MedContext.
    pub consistency: Option<T>,
}

/// In JSON, infinity and NaN are null.
fn number<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + From<f64>,
    D: Deserializer<'de>,
{
    let number = Option::deserialize(deserializer)?;
    Ok(number.unwrap_or_else(|| T::from(f64::NAN)))
}

/// Names of the terms in the order of the fields.
const NAMES: [&str; 4] = ["total", "supervised", "masked", "consistency"];

impl Terms<()> {
    /// The names of all terms, in the order of [`Terms::named`].
    pub const NAMES: [&str; 4] = NAMES;
}

impl<T> Terms<T> {
    /// Every term with its name; those that a run does not have are `None`.
    pub fn named(self) -> [(&'static str, Option<T>); 4] {
        let [total, supervised, masked, consistency] = NAMES;
        [
            (total, Some(self.total)),
            (supervised, Some(self.supervised)),
            (masked, self.masked),
            (consistency, self.consistency),
        ]
    }

    /// Applies `change` to every term, in the order of the fields.
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> Terms<U> {
        Terms {
            total: change(self.total),
            supervised: change(self.supervised),
            masked: self.masked.map(&mut change),
            consistency: self.consistency.map(&mut change),
        }
    }

    /// Applies `change` to every term, in the order of the fields, until it fails.
    ///
    /// # Errors
    /// The first error of `change`.
    pub fn try_map<U, E>(self, mut change: impl FnMut(T) -> Result<U, E>) -> Result<Terms<U>, E> {
        Ok(Terms {
            total: change(self.total)?,
            supervised: change(self.supervised)?,
            masked: self.masked.map(&mut change).transpose()?,
            consistency: self.consistency.map(&mut change).transpose()?,
        })
    }

    /// Pairs of the terms that both have.
    pub fn zip<U>(self, other: Terms<U>) -> Terms<(T, U)> {
        Terms {
            total: (self.total, other.total),
            supervised: (self.supervised, other.supervised),
            masked: self.masked.zip(other.masked),
            consistency: self.consistency.zip(other.consistency),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Terms;

    /// As in logs and in the page's saved session.
    #[test]
    fn a_loss_that_is_no_number_can_be_read_again() {
        let losses = Terms {
            total: f64::NAN,
            supervised: f64::INFINITY,
            ..Terms::default()
        };
        let text = serde_json::to_string(&losses).expect("JSON");
        let again: Terms<f64> = serde_json::from_str(&text).expect("read");
        assert!(again.total.is_nan() && again.supervised.is_nan());
        assert_eq!(again.masked, None);
    }

    #[test]
    fn names_are_those_of_the_fields() {
        let terms = Terms {
            total: 1.0,
            supervised: 2.0,
            masked: Some(3.0),
            consistency: Some(4.0),
        };
        let named = terms.named().map(|(name, value)| (name.to_owned(), value.into()));
        let fields: serde_json::Map<String, serde_json::Value> = named.into_iter().collect();
        let written = serde_json::to_value(terms).expect("JSON");
        assert_eq!(written, serde_json::Value::from(fields));
    }

    #[test]
    fn a_term_that_one_lacks_has_no_pair() {
        let whole = Terms {
            masked: Some(3),
            ..Terms::default()
        };
        let pairs = whole.zip(Terms::<i32>::default());
        assert_eq!((pairs.total, pairs.masked), ((0, 0), None));
    }
}
