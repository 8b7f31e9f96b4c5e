//! The cases of a run: prepared training cases, and held-out ones for validation.

use std::borrow::Cow;

use super::{TrainConfig, random_streams};
use crate::dataset::{Case, DatasetError, LabelSet, common_channels};
use crate::loss::IGNORED;
use crate::parallel;
use crate::transform::{Loader, Prepared, SampledCase, Sampler, SamplerSettings};
use crate::{Error, Result};

/// The training cases of a run, ready for patch sampling.
#[derive(Debug)]
pub struct TrainingSet {
    pub(super) ids: Vec<String>,
    pub(super) channels: usize,
    pub(super) cases: Vec<SampledCase>,
    pub(super) unlabeled: UnlabeledSet,
    /// The same cases for the first stage of a cascade.
    pub(super) coarse: Option<Box<Self>>,
}

/// Cases without labels that a run learns from too.
#[derive(Debug, Default)]
pub(super) struct UnlabeledSet {
    pub ids: Vec<String>,
    pub cases: Vec<SampledCase>,
}

impl TrainingSet {
    /// Prepares cases in memory. Those without labels are left out, unless
    /// [`TrainConfig::unlabeled_share`] of the patches is to come from them. For pretraining all cases are taken, and
    /// their labels are not looked at.
    ///
    /// # Errors
    /// When settings are invalid, no case has labels, or two have different numbers of channels.
    pub fn prepare(cases: Vec<Case>, labels: &LabelSet, config: &TrainConfig) -> Result<Self> {
        config.check(&config.resolved_network())?;
        if config.pretraining.is_some() {
            let prepared = parallel::map(cases, |case: Case| {
                (case.id.clone(), prepare(&case, labels, config).into())
            });
            return Self::new(prepared);
        }
        let (labeled, mut unlabeled): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(|case| case.label.is_some());
        if config.unlabeled_share == 0.0 {
            unlabeled.clear();
        }
        let coarse = config.coarse.as_deref();
        // Each case's own voxels are dropped once it is prepared, for every stage.
        let prepare = |case: Case| {
            let first = coarse.map(|coarse| (case.id.clone(), self::prepare(&case, labels, coarse).into()));
            let prepared = self::prepare(&case, labels, config);
            ((case.id, SampledCase::from(prepared)), first)
        };
        let (labeled, first): (Vec<_>, Vec<Option<_>>) = parallel::map(labeled, prepare).into_iter().unzip();
        let unlabeled = parallel::map(unlabeled, |case: Case| {
            let prepared = self::prepare(&case, labels, config);
            (case.id, SampledCase::from(prepared))
        });
        let set = Self::new(labeled)?.with_unlabeled(unlabeled)?;
        match coarse {
            Some(_) => Ok(set.with_coarse(Self::new(first.into_iter().flatten().collect())?)),
            None => Ok(set),
        }
    }

    /// The same with its cases prepared for the first stage of a cascade.
    pub fn with_coarse(self, coarse: Self) -> Self {
        Self {
            coarse: Some(Box::new(coarse)),
            ..self
        }
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
        Ok(Self {
            ids,
            channels,
            cases,
            unlabeled: UnlabeledSet::default(),
            coarse: None,
        })
    }

    /// The same with prepared cases without labels, of which [`TrainConfig::unlabeled_share`] of the patches are.
    ///
    /// # Errors
    /// When one has another number of channels than the labeled ones.
    pub fn with_unlabeled(mut self, cases: Vec<(String, SampledCase)>) -> Result<Self> {
        let first = self.ids.first().map(|id| (id.as_str(), self.channels));
        let others = cases.iter().map(|(id, case)| (id.as_str(), case.channels()));
        common_channels(first.into_iter().chain(others))?;
        let (ids, cases) = cases.into_iter().unzip();
        self.unlabeled = UnlabeledSet { ids, cases };
        Ok(self)
    }

    /// Checks that there are cases without labels if patches are to come from them.
    pub(super) fn check_unlabeled(&self, config: &TrainConfig, labels: &LabelSet) -> Result<()> {
        let share = config.unlabeled_share;
        if share == 0.0 {
            return Ok(());
        }
        if self.unlabeled.cases.is_empty() {
            return Err(Error::Config(format!(
                "unlabeled_share is {share} and no case is without labels: add scans without a label map, or set it \
                 to 0"
            )));
        }
        match labels.classes() > usize::from(IGNORED) {
            true => Err(DatasetError::TooManyBesideIgnored(labels.classes() - 1).into()),
            false => Ok(()),
        }
    }
}

/// Draws the patches of a run.
pub(super) fn loader(
    labeled: Vec<SampledCase>,
    unlabeled: Vec<SampledCase>,
    config: &TrainConfig,
    labels: &LabelSet,
) -> Loader {
    let settings = SamplerSettings {
        ignores: labels.classes() <= usize::from(IGNORED),
        ..config.sampler_settings()
    };
    let sampler = Sampler::new(labeled, settings, config.seed ^ random_streams::PATCHES);
    // Before the masked view joins, unlabeled patches would teach nothing.
    let first = config.medcontext.first_masked_step(config.iterations) * config.patches_per_step();
    Loader::new(
        sampler.with_unlabeled(unlabeled, config.unlabeled_share, first),
        config.iterations * config.patches_per_step(),
    )
}

/// Prepares one case for patch sampling; for pretraining without its labels.
pub fn prepare(case: &Case, labels: &LabelSet, config: &TrainConfig) -> Prepared {
    let label = case.label.as_ref().filter(|_| config.pretraining.is_none());
    let label = label.map(|label| (label, labels));
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
