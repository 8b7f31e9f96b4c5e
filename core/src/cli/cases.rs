//! The labeled cases of a run: held in memory, or read on demand and prepared in a cache.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::Failure;
use super::cache::Cache;
use super::console::Console;
use super::folder::Folder;
use crate::Error;
use crate::dataset::{Case, CaseFiles, CaseFingerprint, LabelSet, common_channels};
use crate::experiment::Cell;
use crate::train::{self, HeldOut, TrainConfig, TrainingSet};
use crate::{device, parallel};

/// Work that takes longer shows its progress.
const UNNOTICED: Duration = Duration::from_secs(2);

/// Reads cases of one folder.
pub(super) struct Reader<'a> {
    pub folder: Arc<Folder>,
    /// The cache of prepared cases; without one, cases are held in memory.
    pub cache: Option<Cache>,
    /// Whether a case that cannot be read ends the command, rather than being left out.
    pub strict: bool,
    pub console: &'a Console,
}

/// Labeled cases that can be read.
pub(super) struct Cases {
    pub fingerprints: Vec<CaseFingerprint>,
    store: CaseStore,
}

/// Where the voxels of cases are.
enum CaseStore {
    Memory(Vec<Case>),
    Disk(Vec<CaseFiles>, Cache),
}

impl Cases {
    /// Prints the warnings of each case.
    pub fn warn(&self, console: &Console) {
        for case in &self.fingerprints {
            for warning in &case.warnings {
                console.warn(format!("{}: {warning}", case.id));
            }
        }
    }
}

impl Reader<'_> {
    /// Reads the labeled ones of `files`. A case that cannot be read is named and left out, unless it is the last one
    /// or the reader is strict.
    pub fn read(&self, files: &[CaseFiles]) -> Result<Cases, Failure> {
        let labeled = files.iter().filter(|files| files.is_labeled());
        self.read_all(&labeled.cloned().collect::<Vec<_>>())
    }

    /// The same, with those that have no labels.
    pub fn read_all(&self, files: &[CaseFiles]) -> Result<Cases, Failure> {
        let (fingerprints, store): (Vec<CaseFingerprint>, _) = match &self.cache {
            None => {
                self.warn_of_room(files);
                let read = self.each(files, |files| {
                    let case = self.folder.read(files)?;
                    Ok((CaseFingerprint::of(&case), case))
                })?;
                let (fingerprints, cases) = read.into_iter().map(|(_, read)| read).unzip();
                (fingerprints, CaseStore::Memory(cases))
            }
            Some(cache) => {
                let read = self.each(files, |files| cache.fingerprint(&self.folder, files))?;
                let (files, fingerprints) = read.into_iter().unzip();
                (fingerprints, CaseStore::Disk(files, cache.clone()))
            }
        };
        Ok(Cases { fingerprints, store })
    }

    /// The labels to learn: the `known` ones, else all that occur. Prints what dataset.json says about them.
    pub fn labels(&self, cases: &Cases, known: Option<LabelSet>) -> Result<LabelSet, Failure> {
        if let Some(labels) = known {
            let ignored = cases.fingerprints.iter().find_map(|case| case.ignored);
            return match ignored {
                Some(id) => Ok(labels.with_ignore(id).map_err(Error::from)?),
                None => Ok(labels),
            };
        }
        let names = self.folder.library.label_names();
        let labels = LabelSet::from_fingerprints(&cases.fingerprints, &names).map_err(Error::from)?;
        if let Some(json) = self.folder.library.dataset_json() {
            for sentence in json.check(&labels).map_err(Error::from)? {
                self.console.warn(sentence);
            }
        }
        Ok(labels)
    }

    /// Prepares cases for training; if patches are to come from unlabeled ones, also those of the folder that have no
    /// label map.
    pub fn training(&self, cases: Cases, labels: &LabelSet, config: &TrainConfig) -> Result<TrainingSet, Failure> {
        let set = self.labeled(cases, labels, config)?;
        let files = self.folder.pairing.cases.iter().filter(|files| !files.is_labeled());
        let files: Vec<CaseFiles> = files.cloned().collect();
        if config.unlabeled_share == 0.0 || files.is_empty() {
            return Ok(set);
        }
        if self.cache.is_none() {
            self.warn_of_room(&files);
        }
        let prepare = |files: &CaseFiles| match &self.cache {
            Some(cache) => cache.prepared(&self.folder, files, labels, config),
            None => Ok(train::prepare(&self.folder.read(files)?, labels, config).into()),
        };
        let prepared = self.each(&files, prepare)?.into_iter();
        let prepared = prepared.map(|(files, case)| (files.id, case));
        Ok(set.with_unlabeled(prepared.collect())?)
    }

    fn labeled(&self, cases: Cases, labels: &LabelSet, config: &TrainConfig) -> Result<TrainingSet, Failure> {
        match cases.store {
            CaseStore::Memory(cases) => Ok(TrainingSet::prepare(cases, labels, config)?),
            CaseStore::Disk(files, cache) => {
                // Invalid settings and incompatible cases are refused before anything is prepared.
                config.check(&config.resolved_network())?;
                let fingerprints = cases.fingerprints.iter();
                let channels = fingerprints.map(|case| (case.id.as_str(), case.channels));
                common_channels(channels).map_err(Error::from)?;
                let prepared = |config: &TrainConfig| {
                    let prepare = |files: &CaseFiles| cache.prepared(&self.folder, files, labels, config);
                    let prepared = self.each(&files, prepare)?.into_iter();
                    let prepared = prepared.map(|(files, case)| (files.id, case));
                    Ok::<_, Failure>(TrainingSet::new(prepared.collect())?)
                };
                let set = prepared(config)?;
                match &config.coarse {
                    Some(coarse) => Ok(set.with_coarse(prepared(coarse)?)),
                    None => Ok(set),
                }
            }
        }
    }

    /// The labels that a cell learns, and its training cases, prepared.
    pub fn training_of(&self, cell: &Cell, files: &[CaseFiles]) -> Result<(LabelSet, TrainingSet), Failure> {
        let cases = self.read(files)?;
        let labels = self.labels(&cases, cell.learned.clone())?;
        let prepared = self.training(cases, &labels, &cell.config)?;
        Ok((labels, prepared))
    }

    /// Cases for validation.
    pub fn held_out(&self, cases: Cases) -> Vec<HeldOut> {
        match cases.store {
            CaseStore::Memory(cases) => cases.into_iter().map(HeldOut::from).collect(),
            CaseStore::Disk(files, _) => files
                .into_iter()
                .map(|files| {
                    let folder = Arc::clone(&self.folder);
                    HeldOut::OnDemand(Box::new(move || folder.read(&files)))
                })
                .collect(),
        }
    }

    /// The fingerprints of `files`, whose volumes are not kept. Cases that cannot be read are left out as by
    /// [`read`](Self::read).
    pub fn fingerprints(&self, files: &[CaseFiles]) -> Result<Vec<CaseFingerprint>, Failure> {
        let read = self.each(files, |files| Ok(CaseFingerprint::of(&self.folder.read(files)?)))?;
        Ok(read.into_iter().map(|(_, fingerprint)| fingerprint).collect())
    }

    /// The result of `work` for every case. Cases for which it fails are named and left out.
    fn each<R: Send>(
        &self,
        files: &[CaseFiles],
        work: impl Fn(&CaseFiles) -> Result<R, Failure> + Sync,
    ) -> Result<Vec<(CaseFiles, R)>, Failure> {
        let (all, done) = (files.len(), AtomicUsize::new(0));
        let started = Instant::now();
        let progress = Mutex::new(self.console.progress(all, "case"));
        let results = parallel::map(files.iter().collect(), |files: &CaseFiles| {
            let result = work(files);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            let spent = started.elapsed();
            if spent > UNNOTICED
                && let Ok(mut progress) = progress.lock()
            {
                let left = spent.as_secs_f64() / done as f64 * (all - done) as f64;
                progress.at(done, left, &files.id);
            }
            result
        });
        if let Ok(progress) = progress.into_inner() {
            progress.clear();
        }
        self.sort_out(files, results)
    }

    fn sort_out<R>(
        &self,
        files: &[CaseFiles],
        results: Vec<Result<R, Failure>>,
    ) -> Result<Vec<(CaseFiles, R)>, Failure> {
        let (mut usable, mut refused) = (Vec::new(), Vec::new());
        for (files, result) in files.iter().zip(results) {
            match result {
                Ok(result) => usable.push((files.clone(), result)),
                Err(failure) if self.strict => return Err(failure),
                Err(failure) => refused.push((&files.id, failure)),
            }
        }
        if usable.is_empty()
            && let Some((_, failure)) = refused.pop()
        {
            return Err(failure);
        }
        for (id, failure) in &refused {
            self.console.warn(format!("{failure}; {id} is left out"));
        }
        if !refused.is_empty() {
            self.console.warn(format!(
                "{} of {} cases are left out; --strict refuses them",
                refused.len(),
                files.len()
            ));
        }
        Ok(usable)
    }

    /// Warns if the cases would not fit into memory.
    fn warn_of_room(&self, files: &[CaseFiles]) {
        let Some(free) = device::available_memory() else {
            return;
        };
        let needed = files.iter().map(|files| self.folder.case_bytes(files));
        let needed: u64 = needed.sum();
        if needed <= free {
            return;
        }
        let gigabytes = |bytes: u64| bytes as f64 / 1e9;
        self.console.warn(format!(
            "the cases take {:.0} GB of memory and {:.0} are free; with --cache FOLDER they stay on disk",
            gigabytes(needed),
            gigabytes(free)
        ));
    }
}
