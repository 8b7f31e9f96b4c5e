//! The cases of a run: prepared training cases, and held-out ones for validation.

use std::borrow::Cow;

use super::TrainConfig;
use crate::Result;
use crate::dataset::{Case, DatasetError, LabelSet, common_channels};
use crate::parallel;
use crate::transform::{Prepared, SampledCase};

/// The training cases of a run, ready for patch sampling.
#[derive(Debug)]
pub struct TrainingSet {
    pub(super) ids: Vec<String>,
    pub(super) channels: usize,
    pub(super) cases: Vec<SampledCase>,
}

impl TrainingSet {
    /// Prepares labeled cases in memory; those without labels are left out.
    ///
    /// # Errors
    /// When settings are invalid, no case has labels, or two have different numbers of channels.
    pub fn prepare(cases: Vec<Case>, labels: &LabelSet, config: &TrainConfig) -> Result<Self> {
        config.check(&config.resolved_network())?;
        let labeled = cases.into_iter().filter(|case| case.label.is_some());
        // Each case's own voxels are dropped once it is prepared.
        Self::new(parallel::map(labeled.collect(), |case: Case| {
            let prepared = prepare(&case, labels, config);
            (case.id, prepared.into())
        }))
    }

    /// Cases that are already prepared, with their names.
    ///
    /// # Errors
    /// When there is none, or two have different numbers of channels.
    pub fn new(cases: Vec<(String, SampledCase)>) -> Result<Self> {
        if cases.is_empty() {
            return Err(DatasetError::NoLabeledCase.into());
        }
        let named = cases.iter();
        let channels = common_channels(named.map(|(id, case)| (id.as_str(), case.channels())))?;
        let (ids, cases) = cases.into_iter().unzip();
        Ok(Self { ids, channels, cases })
    }
}

/// Prepares one case for patch sampling.
pub fn prepare(case: &Case, labels: &LabelSet, config: &TrainConfig) -> Prepared {
    let label = case.label.as_ref().map(|label| (label, labels));
    Prepared::new(&case.images(), label, &config.preprocessing, config.patch)
}

/// A held-out case: in memory, or read whenever it is validated.
pub enum HeldOut {
    /// In memory.
    Case(Box<Case>),
    /// Read on demand.
    OnDemand(ReadCase),
}

/// Reads a case that is not in memory.
pub type ReadCase = Box<dyn Fn() -> Result<Case> + Send>;

impl HeldOut {
    /// The case, read if necessary.
    pub(super) fn read(&self) -> Result<Cow<'_, Case>> {
        match self {
            Self::Case(case) => Ok(Cow::Borrowed(case)),
            Self::OnDemand(read) => read().map(Cow::Owned),
        }
    }
}

impl From<Case> for HeldOut {
    fn from(case: Case) -> Self {
        Self::Case(Box::new(case))
    }
}
