//! A whole evaluation: cases, means, and merging of shards.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{CaseScore, EmptyPolicy, LabelScore, Means, Measure, Protocol, Statistic};
use crate::dataset::{DatasetError, LabelSet};

/// One label over all cases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelMean {
    /// The label's id.
    pub label: u16,
    /// Its name.
    pub name: String,
    /// Over the cases that count by the [`EmptyPolicy`].
    #[serde(flatten)]
    pub means: Means,
    /// Cases in which only one of the two maps has the label: their Dice of 0 is in the mean (except false positives
    /// under [`EmptyPolicy::Monai`]), their distance counts as the [`EmptyPolicy`] says.
    pub missed: usize,
}

/// Why parts of an evaluation cannot be merged.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EvaluationError {
    /// Parts that were measured differently.
    #[error(
        "the parts were measured differently ({}; and {}); evaluate them with the same options",
        .0.describe(), .1.describe()
    )]
    Protocol(Protocol, Protocol),
    /// A case that two parts hold.
    #[error("the case {0} is in two of the parts; give each part once")]
    Twice(String),
    /// A label that two parts name differently.
    #[error(
        "label {label} is {first:?} in one part and {second:?} in another; evaluate them with the same dataset.json"
    )]
    Name {
        /// The label's id.
        label: u16,
        /// One name.
        first: String,
        /// The other.
        second: String,
    },
    /// More labels than class indices can represent.
    #[error(transparent)]
    Labels(#[from] DatasetError),
}

/// A whole evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// How it was measured.
    pub protocol: Protocol,
    /// Per case and label, sorted by case.
    pub cases: Vec<CaseScore>,
    /// Per label, over cases.
    pub labels: Vec<LabelMean>,
    /// The mean over labels of their means over cases, as in the paper's tables. Its standard deviation is that of the
    /// cases, each represented by the mean over its labels.
    pub mean: Means,
}

impl Evaluation {
    /// Collects the cases' scores and takes the means. A label of the set without a score in a case is in neither of
    /// its maps; scores of other labels are left out.
    pub fn new(mut cases: Vec<CaseScore>, labels: &LabelSet, protocol: Protocol) -> Evaluation {
        for case in &mut cases {
            let mut scores: BTreeMap<u16, LabelScore> = std::mem::take(&mut case.labels)
                .into_iter()
                .map(|score| (score.label, score))
                .collect();
            let ids = labels.ids().iter().skip(1);
            case.labels = ids
                .map(|id| scores.remove(id).unwrap_or(LabelScore::absent(*id)))
                .collect();
        }
        cases.sort_by(|a, b| a.case.cmp(&b.case));
        let means: Vec<LabelMean> = (labels.names().iter().enumerate().skip(1))
            .map(|(class, name)| LabelMean::new(name, class - 1, labels.ids()[class], &cases, protocol))
            .collect();
        Evaluation {
            mean: Means::over_labels(&means, &cases, protocol),
            labels: means,
            cases,
            protocol,
        }
    }

    /// Merges parts with different cases, as if all had been evaluated at once.
    ///
    /// # Errors
    /// When the parts were measured differently, hold one case twice, or name a label differently.
    pub fn merge(parts: Vec<Evaluation>) -> Result<Evaluation, EvaluationError> {
        let protocol = parts.first().map(|part| part.protocol).unwrap_or_default();
        let (mut names, mut seen) = (BTreeMap::new(), BTreeSet::new());
        let mut cases = Vec::new();
        for part in parts {
            if part.protocol != protocol {
                return Err(EvaluationError::Protocol(protocol, part.protocol));
            }
            for LabelMean { label, name, .. } in part.labels {
                if let Some(first) = names.insert(label, name.clone()).filter(|first| *first != name) {
                    return Err(EvaluationError::Name {
                        label,
                        first,
                        second: name,
                    });
                }
            }
            if let Some(case) = part.cases.iter().find(|case| !seen.insert(case.case.clone())) {
                return Err(EvaluationError::Twice(case.case.clone()));
            }
            cases.extend(part.cases);
        }
        let labels = LabelSet::from_ids(names.keys().copied(), &names)?;
        Ok(Evaluation::new(cases, &labels, protocol))
    }
}

impl CaseScore {
    /// Mean Dice over the labels that count; undefined where none does.
    pub fn mean_dice(&self, empty: EmptyPolicy) -> Option<f64> {
        self.mean_of(Measure::Dice, empty)
    }

    /// Mean HD95 in mm over the labels that count; undefined where none does.
    pub fn mean_hd95_mm(&self, empty: EmptyPolicy) -> Option<f64> {
        self.mean_of(Measure::Hd95Mm, empty)
    }

    /// Mean of a measure over the labels that count; undefined where none does.
    pub fn mean_of(&self, measure: Measure, empty: EmptyPolicy) -> Option<f64> {
        mean(measure.counted(self.labels.iter(), empty))
    }
}

impl LabelMean {
    /// Of the label whose score is at `index` in every case.
    fn new(name: &str, index: usize, label: u16, cases: &[CaseScore], Protocol { empty, .. }: Protocol) -> LabelMean {
        let scores = cases.iter().map(|case| &case.labels[index]);
        LabelMean {
            label,
            name: name.to_owned(),
            means: Means::of(|measure| Statistic::of(measure.counted(scores.clone(), empty))),
            missed: scores
                .filter(|score| score.dice.is_some() && score.hd95_mm.is_none())
                .count(),
        }
    }
}

impl Means {
    fn over_labels(labels: &[LabelMean], cases: &[CaseScore], Protocol { empty, .. }: Protocol) -> Means {
        Means::of(|measure| {
            let labels = labels.iter().map(|label| measure.mean(&label.means));
            let mean = mean(labels.map(|label| Some(label?.mean)))?;
            let spread = Statistic::of(cases.iter().map(|case| case.mean_of(measure, empty)))?;
            Some(Statistic { mean, ..spread })
        })
    }
}

/// Mean of the defined values; `None` when there are none.
fn mean(values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    Statistic::of(values).map(|statistic| statistic.mean)
}
