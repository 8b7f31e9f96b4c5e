//! The scans of a data folder, as the cells of an experiment take them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::Failure;
use super::super::cases::Reader;
use super::super::files::read;
use super::super::train::STATE;
use crate::Error;
use crate::dataset::{Case, CaseFiles, LabelSet, Split};
use crate::experiment::{Cell, CellPretraining, Source};
use crate::preset::{Preset, file_name};
use crate::train::{RunState, TrainingSet};

pub(super) struct Scans<'a> {
    pub reader: Reader<'a>,
    pub root: &'a Path,
    /// The experiment's own file.
    pub file: &'a Path,
    /// The experiment's own folder; a dry run has none.
    pub out: Option<&'a Path>,
    pub preset: Option<Preset>,
}

impl Scans<'_> {
    /// The files of a labeled case: by its id, else by the name of its image file, which may occur again in a folder of
    /// test images.
    fn find(&self, case: &str) -> Result<&CaseFiles, Failure> {
        let cases = self.reader.folder.pairing.cases.iter();
        let labeled: Vec<&CaseFiles> = cases.filter(|files| files.is_labeled()).collect();
        let named = labeled.iter().find(|files| files.id == case);
        if let Some(files) = named {
            return Ok(files);
        }
        let alike = labeled.iter().filter(|files| file_name(files) == case);
        match alike.collect::<Vec<_>>()[..] {
            [files] => Ok(files),
            [] => Err(Failure::Message(format!(
                "{} has no image with labels of the case {case}; correct the list",
                self.root.display()
            ))),
            [first, second, ..] => Err(Failure::Message(format!(
                "{}: the case {case} may be {} or {}; name one of the two",
                self.root.display(),
                first.id,
                second.id
            ))),
        }
    }

    /// The files of a case, with labels or without.
    fn find_scan(&self, case: &str) -> Result<&CaseFiles, Failure> {
        let mut cases = self.reader.folder.pairing.cases.iter();
        match cases.find(|files| files.id == case) {
            Some(files) => Ok(files),
            None => self.find(case),
        }
    }

    /// Checks that every case of the cells, and the weights that they start from, are here.
    pub fn find_all(&self, cells: &[Cell]) -> Result<(), Failure> {
        let cases = cells
            .iter()
            .flat_map(|cell| [&cell.training, &cell.evaluation, &cell.validation]);
        let cases: BTreeSet<&String> = cases.flatten().collect();
        cases.into_iter().try_for_each(|case| self.find(case).map(|_| ()))?;
        let scans = cells.iter().filter_map(|cell| Some(&cell.pretraining.as_ref()?.cases));
        let scans: BTreeSet<&String> = scans.flatten().collect();
        scans
            .into_iter()
            .try_for_each(|case| self.find_scan(case).map(|_| ()))?;
        cells.iter().try_for_each(|cell| self.start(cell).map(|_| ()))
    }

    /// How the preset's lists among `lists` differ from the published ones: cases that are missing or added.
    pub fn differing(&self, lists: &BTreeSet<&str>) -> Vec<String> {
        let said = |list: &&str| {
            let preset = self.preset?;
            let selected = preset.select(list, &self.reader.folder.pairing.cases);
            preset.differing(list, &selected.ok()?)
        };
        lists.iter().filter_map(said).collect()
    }
}

impl Source for Scans<'_> {
    type Error = Failure;

    fn list(&self, name: &str) -> Result<Vec<String>, Failure> {
        let Some((file, list)) = Split::choice(name) else {
            if let Some(preset) = self.preset {
                let cases = preset.select(name, &self.reader.folder.pairing.cases);
                let cases = cases.map_err(Error::from)?.into_iter();
                return Ok(cases.map(|case| case.id).collect());
            }
            return Err(Failure::Message(format!(
                "{name:?} is not a list of the experiment: give it in [lists], \
                 or write FILE:LIST with a JSON file of the data folder"
            )));
        };
        let path = self.root.join(file);
        let text = read(&path)?;
        let file = path.display().to_string();
        let split = Split::from_json(&file, &text, list);
        Ok(split.map_err(Error::from)?.cases)
    }

    fn state(&self, cell: &Cell) -> Result<Option<Vec<u8>>, Failure> {
        let Some(out) = self.out else {
            return Ok(None);
        };
        let path = out.join(cell.folder()).join(STATE);
        if !path.exists() {
            return Ok(None);
        }
        // A state saved with other settings cannot be resumed by this cell.
        let bytes = read(&path)?;
        let pretraining = cell.pretraining.as_deref();
        let same = |state: RunState| {
            let training = state.config == cell.config && state.cases == cell.training;
            training || pretraining.is_some_and(|run| state.config == run.config && state.cases == run.cases)
        };
        Ok(RunState::read(&bytes).is_ok_and(same).then_some(bytes))
    }

    fn read(&self, case: &str) -> Result<Case, Failure> {
        Ok(self.reader.folder.read(self.find(case)?)?)
    }

    fn training(&self, cell: &Cell) -> Result<(LabelSet, TrainingSet), Failure> {
        let files = cell.training.iter().map(|name| self.find(name).cloned());
        self.reader.training_of(cell, &files.collect::<Result<Vec<_>, _>>()?)
    }

    fn pretraining(&self, pretraining: &CellPretraining) -> Result<TrainingSet, Failure> {
        let files = pretraining.cases.iter().map(|name| self.find_scan(name).cloned());
        let cases = self.reader.read_all(&files.collect::<Result<Vec<_>, _>>()?)?;
        self.reader
            .training(cases, &LabelSet::background(), &pretraining.config)
    }

    fn start(&self, cell: &Cell) -> Result<Option<Vec<u8>>, Failure> {
        let folder = self.file.parent().unwrap_or(Path::new(""));
        let weights = cell.start.as_ref().map(|path| read(&folder.join(path)));
        Ok(weights.transpose()?)
    }

    fn label_names(&self) -> BTreeMap<u16, String> {
        self.reader.folder.library.label_names()
    }
}
