//! Named lists of cases.

use std::collections::BTreeMap;

use serde_json::Value;

use super::names::tidy;
use super::{CaseFiles, DatasetError, Result};
use crate::volume::stem;

/// One list of case names from a split file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The file that holds it, as the user gave it.
    pub file: String,
    /// The list's name.
    pub name: String,
    /// The cases it names.
    pub cases: Vec<String>,
}

impl Split {
    /// File and list of a choice written as `FILE:LIST`; `None` for anything else.
    pub fn choice(text: &str) -> Option<(&str, &str)> {
        let (file, list) = text.rsplit_once(':')?;
        // C:\splits.json names a file and no list.
        (!list.contains(['\\']) && !file.is_empty()).then_some((file, list))
    }

    /// The list `name` of a JSON object of lists, `{"train": ["case_1", ...], "val": [...]}`; of nnU-Net's
    /// list of folds (`splits_final.json`), where `0/train` is the list `train` of the first one; or of a
    /// dataset.json, whose lists hold files. `file` names the file in errors.
    ///
    /// # Errors
    /// When the text is neither of these or has no such list.
    pub fn from_json(file: &str, json: &[u8], name: &str) -> Result<Split> {
        let bad = |problem: String| DatasetError::BadSplit {
            file: file.to_owned(),
            problem,
        };
        // Some editors put a byte order mark in front, which JSON does not know.
        let text = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
        let found: Value = serde_json::from_slice(text).map_err(|error| bad(error.to_string()))?;
        let folds = match &found {
            Value::Array(folds) => Some(folds.len()),
            _ => None,
        };
        let lists = lists(&found).map_err(bad)?;
        if let Some(cases) = lists.get(&plain(name)) {
            return Ok(Split {
                file: file.to_owned(),
                name: name.to_owned(),
                cases: cases.clone(),
            });
        }
        if let Some(folds) = folds {
            return Err(bad(format!(
                "it is nnU-Net's list of {folds} folds, of which one has to be named, as in {file}:0/train"
            )));
        }
        Err(DatasetError::NoSuchList {
            file: file.to_owned(),
            list: name.to_owned(),
            known: lists.into_keys().collect::<Vec<_>>().join(", "),
        })
    }

    /// The cases that the list names, in its order.
    ///
    /// # Errors
    /// When a named case is missing, or named twice.
    pub fn select(&self, cases: &[CaseFiles]) -> Result<Vec<CaseFiles>> {
        let by_id: BTreeMap<&str, &CaseFiles> = cases.iter().map(|case| (case.id.as_str(), case)).collect();
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

/// The name of a list without the word before a fold's number: `fold_0/train`.
fn plain(name: &str) -> String {
    let rest = name.strip_prefix("fold").unwrap_or(name);
    let rest = rest.trim_start_matches('_');
    match rest.split_once('/') {
        Some((fold, _)) if fold.parse::<usize>().is_ok() => rest.to_owned(),
        _ => name.to_owned(),
    }
}

/// All lists of a file by name; other values, of which a dataset.json has many, are skipped.
fn lists(found: &Value) -> std::result::Result<BTreeMap<String, Vec<String>>, String> {
    let mut lists = BTreeMap::new();
    match found {
        Value::Object(object) => {
            for (name, list) in object {
                let Value::Array(cases) = list else { continue };
                let cases: Option<Vec<String>> = cases.iter().map(case_name).collect();
                let cases = cases.ok_or_else(|| format!("{name:?} is not a list of case names"))?;
                lists.insert(name.clone(), cases);
            }
        }
        Value::Array(folds) if !folds.is_empty() && folds.iter().all(Value::is_object) => {
            for (number, fold) in folds.iter().enumerate() {
                let of_fold = self::lists(fold)?.into_iter();
                lists.extend(of_fold.map(|(name, cases)| (format!("{number}/{name}"), cases)));
            }
        }
        _ => {}
    }
    if lists.is_empty() {
        return Err("it holds no list".to_owned());
    }
    Ok(lists)
}

/// A case by its name, or by its image as a dataset.json lists it.
fn case_name(entry: &Value) -> Option<String> {
    let text = match entry {
        Value::String(text) => text,
        entry => entry["image"].as_str()?,
    };
    let path = tidy(text);
    let file = path.rsplit('/').next().unwrap_or(&path);
    Some(stem(file).unwrap_or(text).to_owned())
}
