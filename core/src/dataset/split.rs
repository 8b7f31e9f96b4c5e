//! Named lists of cases.

use std::collections::BTreeMap;

use super::{CaseFiles, DatasetError, Result};

/// One list of case names from a split file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The file it stands in, as the user gave it.
    pub file: String,
    /// The list's name.
    pub name: String,
    /// The cases it names.
    pub cases: Vec<String>,
}

impl Split {
    /// The list `name` of a JSON object of lists, `{"train": ["case_1", ...], "val": [...]}`.
    /// `file` names the file in errors.
    ///
    /// # Errors
    /// When the text is not such an object or has no such list.
    pub fn from_json(file: &str, json: &str, name: &str) -> Result<Split> {
        let mut lists: BTreeMap<String, Vec<String>> =
            serde_json::from_str(json).map_err(|error| DatasetError::BadSplit {
                file: file.to_owned(),
                problem: error.to_string(),
            })?;
        match lists.remove(name) {
            Some(cases) => Ok(Split {
                file: file.to_owned(),
                name: name.to_owned(),
                cases,
            }),
            None => Err(DatasetError::NoSuchList {
                file: file.to_owned(),
                list: name.to_owned(),
                known: lists.into_keys().collect::<Vec<_>>().join(", "),
            }),
        }
    }

    /// The cases that the list names, in its order.
    ///
    /// # Errors
    /// When a named case is not there.
    pub fn select(&self, cases: &[CaseFiles]) -> Result<Vec<CaseFiles>> {
        let by_id: BTreeMap<&str, &CaseFiles> =
            cases.iter().map(|case| (case.id.as_str(), case)).collect();
        self.cases
            .iter()
            .map(|name| match by_id.get(name.as_str()) {
                Some(&case) => Ok(case.clone()),
                None => Err(DatasetError::MissingCase {
                    file: self.file.clone(),
                    list: self.name.clone(),
                    case: name.clone(),
                }),
            })
            .collect()
    }
}
