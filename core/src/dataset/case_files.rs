//! The files of a case, and what it is for.

use serde::{Deserialize, Serialize};

use super::Source;

/// What a case is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// It has labels and is trained on.
    Train,
    /// It has labels and is held out for validation.
    Validate,
    /// It is to be segmented.
    Predict,
}

impl Role {
    /// The role of a case in this part of a data set: without labels it can only be segmented, and test cases are never
    /// trained on.
    pub fn of(labeled: bool, part: Option<Part>) -> Role {
        match part {
            _ if !labeled => Role::Predict,
            None | Some(Part::Training) => Role::Train,
            Some(Part::Validation) => Role::Validate,
            Some(Part::Test) => Role::Predict,
        }
    }
}

/// The part of a data set that a case belongs to, by its folder (`imagesTs`) or a list of dataset.json.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Trained on.
    Training,
    /// Held out for validation during training.
    Validation,
    /// Held out for good.
    Test,
}

impl Part {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Part::Training => "training",
            Part::Validation => "validation",
            Part::Test => "test",
        }
    }
}

/// A label map that holds one structure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Structure {
    /// Its id in the map that all of them are combined into.
    pub id: u16,
    /// Its name.
    pub name: String,
    /// Path of the file, as given.
    pub path: String,
}

/// The files of one case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseFiles {
    /// Name of the case.
    pub id: String,
    /// Its channels, in order: at least one.
    pub channels: Vec<Source>,
    /// Path of its label map, as given.
    pub label: Option<String>,
    /// Label maps of one structure each, which are combined into its label map; by ascending id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub structures: Vec<Structure>,
    /// The part of the data set that it belongs to, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

impl CaseFiles {
    /// Whether it has labels.
    pub fn is_labeled(&self) -> bool {
        self.label.is_some() || !self.structures.is_empty()
    }

    /// What it is for, by its files alone.
    pub fn role(&self) -> Role {
        Role::of(self.is_labeled(), self.part)
    }

    /// A case whose image is one file.
    pub fn of_image(id: impl Into<String>, path: impl Into<String>) -> CaseFiles {
        CaseFiles {
            id: id.into(),
            channels: vec![Source::file(path)],
            ..CaseFiles::default()
        }
    }

    /// Path of the image or of its first channel, as given; of a channel of several files, of the first.
    pub fn image(&self) -> &str {
        self.channels.first().map_or("", Source::path)
    }

    /// Paths of the files of its channels, in order.
    pub fn image_files(&self) -> impl Iterator<Item = &String> {
        self.channels.iter().flat_map(|source| &source.files)
    }

    /// Paths of all its files: channels, then label maps.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        let structures = self.structures.iter().map(|structure| &structure.path);
        self.image_files().chain(&self.label).chain(structures)
    }
}
