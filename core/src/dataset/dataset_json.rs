//! What a data set says about itself in its dataset.json: Decathlon's, nnU-Net's and MONAI's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::names::tidy;
use super::{DatasetError, LabelSet, Leftover, Part, Result};
use crate::volume::names_ignored;

/// A dataset.json, as far as it can be read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DatasetJson {
    /// Its path, as given.
    pub file: String,
    /// Names of labels by id.
    pub names: BTreeMap<u16, String>,
    /// The id of nnU-Net's `ignore` label: voxels that are not labeled.
    pub ignore: Option<u16>,
    /// Regions of several labels (nnU-Net 2), by name.
    pub regions: Vec<(String, Vec<u16>)>,
    /// How many channels a case has: "modality" (Decathlon) or "channel_names" (nnU-Net 2); `None` where it
    /// does not say.
    pub channels: Option<usize>,
    /// Names of the channels, such as `CT` or `T2`, in order; empty where it does not say.
    #[serde(default)]
    pub channel_names: Vec<String>,
    /// What is wrong with it.
    pub problems: Vec<Leftover>,
    pub(super) entries: Vec<Entry>,
}

/// A case that is listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub part: Part,
    /// Paths of its channels from the file's own folder.
    pub images: Vec<String>,
    pub label: Option<String>,
}

impl DatasetJson {
    /// Which of several paths is the data set's own: the `dataset.json` nearest to the root, else a `dataset_0.json` or
    /// similar (BTCV).
    pub fn find<'a>(paths: impl IntoIterator<Item = &'a String>) -> Option<&'a String> {
        let rank = |path: &str| {
            let tidy = tidy(path);
            let file = tidy.rsplit('/').next()?.to_lowercase();
            let numbered = file
                .strip_prefix("dataset_")
                .and_then(|rest| rest.strip_suffix(".json"))
                .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            let named = file == "dataset.json";
            (named || numbered).then(|| (!named, tidy.matches('/').count(), tidy))
        };
        let found = paths.into_iter().filter_map(|path| Some((rank(path)?, path)));
        found.min_by(|(a, _), (b, _)| a.cmp(b)).map(|(_, path)| path)
    }

    /// Reads its bytes; `file` is its path. A file that cannot be read is empty and says so in
    /// [`problems`](Self::problems), so that files are paired by their names.
    pub fn parse(file: &str, bytes: &[u8]) -> DatasetJson {
        let mut found = DatasetJson {
            file: file.to_owned(),
            ..Self::default()
        };
        // Some editors put a byte order mark in front, which JSON does not know.
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let json: Value = match serde_json::from_slice(text) {
            Ok(json) => json,
            Err(error) => {
                let why = match std::str::from_utf8(text) {
                    Ok(_) => format!("it is not valid JSON ({error})"),
                    Err(_) => "it is not text in UTF-8: save it as such".to_owned(),
                };
                found.problem(format!(
                    "{why}; it is ignored: files are paired by their names and labels have no names"
                ));
                return found;
            }
        };
        if !json.is_object() {
            found.problem("it is not a JSON object and is ignored".to_owned());
        }
        found.take_labels(&json["labels"]);
        let mut named = ["channel_names", "modality"].into_iter().map(|key| &json[key]);
        if let Some(names) = named.find_map(channel_names) {
            found.channels = Some(names.len());
            found.channel_names = names;
        }
        found.take_entries(&json);
        found
    }

    fn problem(&mut self, reason: String) {
        self.problems.push(Leftover {
            path: self.file.clone(),
            reason,
        });
    }

    /// Decathlon writes `"1": "liver"`, nnU-Net `"liver": 1`, some people `"liver": "1"` or a list of names.
    fn take_labels(&mut self, labels: &Value) {
        let pairs: Vec<(String, Value)> = match labels {
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            Value::Array(names) => (0..names.len()).map(|id| id.to_string()).zip(names.clone()).collect(),
            Value::Null => return,
            _ => {
                self.problem(
                    "its labels are neither ids with names nor a list of names, so labels have no names".into(),
                );
                return;
            }
        };
        let mut odd = Vec::new();
        for (key, value) in &pairs {
            match (id_of(value), key.trim().parse::<u16>()) {
                // Both may be numbers: "1": "2" is a name like any other.
                (_, Ok(id)) if value.is_string() => {
                    self.name(id, value.as_str().unwrap_or_default());
                }
                (Some(id), _) => self.name(id, key),
                (None, _) => match ids_of(value) {
                    Some(ids) if ids.len() == 1 => self.name(ids[0], key),
                    Some(ids) => self.regions.push((key.clone(), ids)),
                    None => odd.push(key.clone()),
                },
            }
        }
        if !odd.is_empty() {
            self.problem(format!(
                "the label {} is neither an id from 0 to 65535 with a name nor a name with an id, and is ignored",
                odd.join(", ")
            ));
        }
    }

    fn name(&mut self, id: u16, name: &str) {
        if id > 0 && names_ignored(name) {
            self.ignore = Some(id);
        }
        self.names.insert(id, name.trim().to_owned());
    }

    fn take_entries(&mut self, json: &Value) {
        let lists = [
            ("training", Part::Training),
            ("train", Part::Training),
            ("validation", Part::Validation),
            ("val", Part::Validation),
            ("test", Part::Test),
            ("testing", Part::Test),
        ];
        let mut odd = 0;
        for (list, part) in lists {
            let Some(entries) = json[list].as_array() else {
                continue;
            };
            for entry in entries {
                match entry_of(entry, part) {
                    Some(entry) => self.entries.push(entry),
                    None => odd += 1,
                }
            }
        }
        // nnU-Net 2 may list the files of each case by its name.
        let named = json["dataset"].as_object().into_iter().flatten();
        for (_, entry) in named {
            let images = texts(&entry["images"]);
            if !images.is_empty() {
                self.entries.push(Entry {
                    part: Part::Training,
                    images,
                    label: entry["label"].as_str().map(str::to_owned),
                });
            }
        }
        if odd > 0 {
            self.problem(format!(
                "{odd} of the cases that it lists are not written as a path or as \
                 {{\"image\": …, \"label\": …}}, and are ignored"
            ));
        }
    }

    /// Warnings about labels that are about to be learned, one sentence each.
    ///
    /// # Errors
    /// When the label `ignore` is among them, since another one was chosen: it would be learned as a structure.
    pub fn check(&self, labels: &LabelSet) -> Result<Vec<String>> {
        let mut said = Vec::new();
        if let Some(id) = self.ignore.filter(|&id| labels.class_of(id).is_some()) {
            return Err(DatasetError::IgnoreLabel {
                file: self.file.clone(),
                id,
            });
        }
        let file = &self.file;
        let declared = |id: &u16| self.names.contains_key(id);
        let others = labels.ids().iter().skip(1).filter(|id| !declared(id));
        let others: Vec<String> = others.map(u16::to_string).collect();
        if self.names.keys().any(|&id| id > 0) && !others.is_empty() {
            said.push(format!(
                "label maps hold the labels {}, which {file} does not declare; they are learned too",
                others.join(", ")
            ));
        }
        if !self.regions.is_empty() && labels.regions().is_none() {
            let regions = self.regions.iter().map(|(name, ids)| {
                let ids: Vec<String> = ids.iter().map(u16::to_string).collect();
                format!("{name} ({})", ids.join("+"))
            });
            said.push(format!(
                "{file} declares the regions {}; regions are not learned as such yet: each label is learned by itself",
                regions.collect::<Vec<_>>().join(", ")
            ));
        }
        Ok(said)
    }
}

/// Names by number or in order, or one for the only channel; what is no text is an empty name.
fn channel_names(listed: &Value) -> Option<Vec<String>> {
    let text = |name: &Value| name.as_str().unwrap_or_default().trim().to_owned();
    match listed {
        Value::Object(map) => {
            let mut numbered: Vec<(&String, &Value)> = map.iter().collect();
            numbered.sort_by_key(|(number, _)| number.trim().parse::<usize>().unwrap_or(usize::MAX));
            Some(numbered.into_iter().map(|(_, name)| text(name)).collect())
        }
        Value::Array(list) => Some(list.iter().map(text).collect()),
        _ => None,
    }
}

fn entry_of(entry: &Value, part: Part) -> Option<Entry> {
    // A test image is listed as a plain path.
    let images = match entry {
        Value::String(path) => vec![path.clone()],
        entry => texts(&entry["image"]),
    };
    (!images.is_empty()).then(|| Entry {
        part,
        images,
        label: entry["label"].as_str().map(str::to_owned),
    })
}

/// A text, or a list of texts.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// An id as a number or as text.
fn id_of(value: &Value) -> Option<u16> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => {
            let value = number.as_f64().filter(|value| value.fract() == 0.0)?;
            (0.0..=f64::from(u16::MAX)).contains(&value).then_some(value as u16)
        }
        _ => None,
    }
}

fn ids_of(value: &Value) -> Option<Vec<u16>> {
    let list = value.as_array().filter(|list| !list.is_empty())?;
    list.iter().map(id_of).collect()
}
