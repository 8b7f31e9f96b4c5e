//! Ensembles: several networks that segment together, by the mean of their probabilities.
//!
//! In every window of voxels, each member's logits become probabilities (softmax, or sigmoids for regions), which are
//! averaged; the logarithm of the mean then takes the place of a single network's logits: it is blended over windows,
//! brought to the image's grid and decided like these. This is nnU-Net's order of operations, which averages first and
//! blends, resamples and decides the average, with one difference: nnU-Net averages the logits of folds (and
//! probabilities only across configurations), while here the mean is that of probabilities, so that every member has
//! one vote however large its logits are. Logarithms are blended rather than the probabilities themselves because
//! logits are log-probabilities up to a constant of each voxel, which neither a weighted mean's largest class nor its
//! softmax depends on: an ensemble of equal members segments like one of them.
//!
//! Members disagree where each is certain of something else. Their disagreement is the mutual information between
//! prediction and member ("BALD", Houlsby et al., arXiv 1112.5745; Gal, Islam and Ghahramani, arXiv 1703.02910): the
//! entropy of the mean less the mean of the entropies. It is divided by the largest entropy, ln(classes), like
//! [`Uncertainty`](super::Uncertainty), so that the two can be compared; for regions it is the mean over them, divided
//! by ln 2. In a window it is never above the uncertainty, and at most ln(members) / ln(classes).

use std::f64::consts::LN_2;

use burn::tensor::Tensor;
use burn::tensor::activation::{log_sigmoid, log_softmax};

use crate::weights::Metadata;

/// Why networks cannot segment together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnsembleError {
    /// There is none.
    #[error("an ensemble has no member: name at least one weights file")]
    Empty,
    /// Two members do not fit.
    #[error("{first} and {second} cannot segment together: they have different {difference}; {remedy}")]
    Different {
        /// The first member's file.
        first: String,
        /// The other's.
        second: String,
        /// What differs.
        difference: String,
        /// What to do.
        remedy: &'static str,
    },
}

/// Checks that two members, each with its file's name, fit.
pub(super) fn check((first, a): (&str, &Metadata), (second, b): (&str, &Metadata)) -> Result<(), EnsembleError> {
    let different = |difference: String, remedy| {
        Err(EnsembleError::Different {
            first: first.to_owned(),
            second: second.to_owned(),
            difference,
            remedy,
        })
    };
    const SEPARATE: &str = "segment with one of them, or with networks that were trained alike";
    if a.labels != b.labels {
        let names = |metadata: &Metadata| metadata.labels.names()[1..].join(", ");
        return different(format!("labels ({} and {})", names(a), names(b)), SEPARATE);
    }
    if a.channels != b.channels {
        let (a, b) = (a.channels, b.channels);
        return different(format!("numbers of channels ({a} and {b})"), SEPARATE);
    }
    if a.patch != b.patch {
        let (a, b) = (a.patch, b.patch);
        return different(format!("patches ({a:?} and {b:?})"), SEPARATE);
    }
    if a.coarse.is_some() != b.coarse.is_some() {
        return different("numbers of stages".to_owned(), SEPARATE);
    }
    let (a, b) = (&a.preprocessing, &b.preprocessing);
    let parts = [
        ("orders of axes", a.axes != b.axes),
        ("voxel spacings", a.spacing != b.spacing),
        ("normalizations of intensities", a.normalization != b.normalization),
        ("preprocessing", a != b),
    ];
    match parts.into_iter().find(|(_, differs)| *differs) {
        Some((part, _)) => different(
            part.to_owned(),
            "the folds of one `core train --folds` share theirs, runs on other cases need the same --config",
        ),
        None => Ok(()),
    }
}

/// Log-probabilities of one prediction, `[window, output, depth, height, width]`.
struct Logs {
    /// Of each class or region.
    yes: Tensor<5>,
    /// Of the voxel not being in a region; `None` for classes.
    no: Option<Tensor<5>>,
}

impl Logs {
    fn of(logits: Tensor<5>, regions: bool) -> Self {
        match regions {
            false => Self {
                yes: log_softmax(logits, 1),
                no: None,
            },
            true => Self {
                yes: log_sigmoid(logits.clone()),
                no: Some(log_sigmoid(logits.neg())),
            },
        }
    }

    /// Those of the sum of the two probabilities.
    fn plus(self, other: Self) -> Self {
        Self {
            yes: log_sum(self.yes, other.yes),
            no: self.no.zip(other.no).map(|(a, b)| log_sum(a, b)),
        }
    }

    /// Those of the probabilities times a factor.
    fn times(self, factor: f64) -> Self {
        Self {
            yes: self.yes + factor.ln(),
            no: self.no.map(|no| no + factor.ln()),
        }
    }

    /// Entropy, divided by the largest possible one: `[window, 1, depth, height, width]`.
    fn entropy(&self) -> Tensor<5> {
        let terms = |logs: &Tensor<5>| logs.clone().exp() * logs.clone();
        let outputs = self.yes.dims()[1] as f64;
        match &self.no {
            None if outputs < 2.0 => self.yes.zeros_like(),
            None => terms(&self.yes).sum_dim(1) / -outputs.ln(),
            Some(no) => (terms(&self.yes) + terms(no)).mean_dim(1) / -LN_2,
        }
    }

    /// Logits with these probabilities.
    fn logits(self) -> Tensor<5> {
        match self.no {
            None => self.yes,
            Some(no) => self.yes - no,
        }
    }
}

/// ln(eᵃ + eᵇ), without overflow.
fn log_sum(a: Tensor<5>, b: Tensor<5>) -> Tensor<5> {
    let gap = (a.clone() - b.clone()).abs();
    a.max_pair(b) + gap.neg().exp().log1p()
}

/// The logits of the mean of the members' probabilities, and after them, where asked for, one more channel with their
/// disagreement from 0 to 1: `[window, output, depth, height, width]`. `None` without members.
pub(super) fn mean(
    members: impl Iterator<Item = Tensor<5>>,
    regions: bool,
    with_disagreement: bool,
) -> Option<Tensor<5>> {
    let (mut sum, mut entropies, mut count): (Option<Logs>, Option<Tensor<5>>, f64) = (None, None, 0.0);
    for logits in members {
        let logs = Logs::of(logits, regions);
        if with_disagreement {
            let entropy = logs.entropy();
            entropies = Some(match entropies {
                Some(entropies) => entropies + entropy,
                None => entropy,
            });
        }
        sum = Some(match sum {
            Some(sum) => sum.plus(logs),
            None => logs,
        });
        count += 1.0;
    }
    let mean = sum?.times(1.0 / count);
    // Never below 0 but for rounding.
    let disagreement = entropies.map(|entropies| (mean.entropy() - entropies / count).clamp_min(0.0));
    let logits = mean.logits();
    Some(match disagreement {
        Some(disagreement) => Tensor::cat(vec![logits, disagreement], 1),
        None => logits,
    })
}

#[cfg(test)]
mod tests;
