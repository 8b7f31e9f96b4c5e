//! The scans of a data folder, as the folds of a cross-validation take them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::Failure;
use crate::cli::cases::Reader;
use crate::cli::train::{Arguments, Resumed};
use crate::dataset::{Case, CaseFiles, LabelSet};
use crate::experiment::{Cell, Source};
use crate::train::TrainingSet;

/// The cases that are divided into folds, and what is there of earlier runs on them.
pub(super) struct FoldScans<'a> {
    reader: Reader<'a>,
    cases: BTreeMap<String, CaseFiles>,
    out: &'a Path,
    resume: bool,
    /// Whether to go on with runs whose settings have changed.
    force: bool,
    /// Weights that every run starts from.
    start: Option<Vec<u8>>,
}

impl<'a> FoldScans<'a> {
    /// Takes the cases from these files.
    pub fn new(reader: Reader<'a>, files: Vec<CaseFiles>, arguments: &'a Arguments, start: Option<Vec<u8>>) -> Self {
        Self {
            reader,
            cases: files.into_iter().map(|files| (files.id.clone(), files)).collect(),
            out: &arguments.out,
            resume: arguments.resume,
            force: arguments.force,
            start,
        }
    }

    fn find(&self, case: &str) -> Result<&CaseFiles, Failure> {
        self.cases
            .get(case)
            .ok_or_else(|| Failure::Message(format!("the case {case} is gone; start again without --resume")))
    }

    /// Refuses a fold that was begun with other settings, unless forced.
    pub fn check_state(&self, cell: &Cell) -> Result<(), Failure> {
        self.state(cell).map(|_| ())
    }
}

impl Source for FoldScans<'_> {
    type Error = Failure;

    /// Folds name their cases themselves.
    fn list(&self, name: &str) -> Result<Vec<String>, Failure> {
        Err(Failure::Message(format!("there is no list {name}; name cases")))
    }

    fn state(&self, cell: &Cell) -> Result<Option<Vec<u8>>, Failure> {
        if !self.resume {
            return Ok(None);
        }
        let folder = self.out.join(&cell.row);
        let resumed = Resumed::find(&folder)?;
        if let Some(resumed) = resumed.as_ref().filter(|_| !self.force) {
            resumed.check(&folder, &cell.config)?;
        }
        Ok(resumed.map(|resumed| resumed.bytes))
    }

    fn start(&self, _: &Cell) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.start.clone())
    }

    fn read(&self, case: &str) -> Result<Case, Failure> {
        Ok(self.reader.folder.read(self.find(case)?)?)
    }

    fn training(&self, cell: &Cell) -> Result<(LabelSet, TrainingSet), Failure> {
        let files = cell.training.iter().map(|name| self.find(name).cloned());
        self.reader.training_of(cell, &files.collect::<Result<Vec<_>, _>>()?)
    }

    fn label_names(&self) -> BTreeMap<u16, String> {
        self.reader.folder.library.label_names()
    }
}
