//! The folders of `tests/fixtures/folders.json` through the library and through `core cases`: what is in the table,
//! and the same to the last word. `tests/browser/folders.test.mjs` runs them through the page.

mod described;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use futures::executor::block_on;
use medcontext_core::Error;
use medcontext_core::dataset::{CaseFiles, DatasetJson, Leftover, Library, Reading, Role, read_case};
use medcontext_core::infer::LabelVolume;
use serde::Deserialize;

use self::described::Described;
use super::{path, succeed};

/// A folder, and what every front has to say of it.
#[derive(Deserialize)]
struct Row {
    /// What lies there, by path.
    files: BTreeMap<String, Described>,
    /// All cases by their ids.
    cases: BTreeMap<String, Expected>,
    /// Names of the labels.
    names: Option<BTreeMap<u16, String>>,
    /// Parts of what is said of cases and files.
    #[serde(default)]
    says: Vec<String>,
    /// Files that are named as not used, with a reason.
    #[serde(default)]
    leftovers: Vec<String>,
    /// Options of `core`, which do what a button of the page does.
    #[serde(default)]
    options: Vec<String>,
    /// The cases with these options.
    mended: Option<BTreeMap<String, Expected>>,
}

/// What has to be found out about a case.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    role: Role,
    channels: usize,
    /// Sizes of the labels in mL, by id.
    labels: Option<BTreeMap<u16, f64>>,
}

/// What a front finds, as `core cases --json` prints it.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    cases: Vec<FoundCase>,
    leftovers: Vec<Leftover>,
    problems: Vec<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct FoundCase {
    id: String,
    role: Role,
    image: String,
    label: Option<String>,
    channels: usize,
    dims: [usize; 3],
    spacing: [f64; 3],
    orientation: String,
    labels: Option<Vec<LabelVolume>>,
    warnings: Vec<String>,
}

/// The rows by the names of their folders, which are written below `folder`.
fn table(folder: &Path) -> BTreeMap<String, Row> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/folders.json");
    let text = fs::read_to_string(file).expect("the table");
    let table: BTreeMap<String, Row> = serde_json::from_str(&text).expect("rows");
    for (name, row) in &table {
        for (path, described) in &row.files {
            described.write(&folder.join(name).join(path));
        }
    }
    table
}

/// What the library finds in a folder whose files have the folder's name in front, as those that are dropped into
/// the page.
fn through_library(folder: &Path, name: &str, row: &Row, options: &[String]) -> Found {
    let names: Vec<String> = row.files.keys().map(|path| format!("{name}/{path}")).collect();
    let mut library: Library<PathBuf> = Library::default();
    let json = DatasetJson::find(&names);
    for name in &names {
        let file = folder.join(name);
        if Some(name) == json {
            library.add_dataset_json(name, &fs::read(&file).expect("a dataset.json"), file);
        } else {
            library.add(name, file);
        }
    }
    let has = |name: &str| options.iter().any(|option| option == name);
    if has("--combine-structures") {
        library.combine_structures();
    }
    if has("--resample-labels") {
        library.resample_labels();
    }
    let changes = library.refresh();
    let mut found = Found {
        cases: Vec::new(),
        leftovers: changes.leftovers,
        problems: Vec::new(),
    };
    let names = library.label_names();
    for files in &changes.changed {
        let options = library.read_options(files);
        let fetch = async |path: &str| Ok::<_, Error>(fs::read(library.file(path).expect("its file")).expect("bytes"));
        match block_on(read_case(files, &options, fetch)) {
            Ok(reading) => found.cases.push(FoundCase::of(files, &reading, &names)),
            Err(error) => found.problems.push(error.to_string()),
        }
    }
    found
}

/// What `core cases` finds in a folder.
fn through_binary(folder: &Path, name: &str, options: &[String]) -> Found {
    let folder = path(folder, name);
    let options = options.iter().map(String::as_str);
    let arguments: Vec<&str> = ["cases", &folder, "--json"].into_iter().chain(options).collect();
    serde_json::from_str(&succeed(&arguments)).expect("what is found")
}

impl FoundCase {
    fn of(files: &CaseFiles, reading: &Reading, names: &BTreeMap<u16, String>) -> Self {
        let label = reading.case.label.as_ref();
        let grid = reading.case.image.grid();
        Self {
            id: files.id.clone(),
            role: Role::of(label.is_some(), files.part),
            image: files.image().to_owned(),
            label: files.label.clone(),
            channels: reading.case.images().len(),
            dims: grid.dims,
            spacing: grid.spacing(),
            orientation: grid.orientation(),
            labels: label.map(|label| LabelVolume::all_of(label, names)),
            warnings: reading.sentences(),
        }
    }

    fn check(&self, expected: &Expected, names: Option<&BTreeMap<u16, String>>, folder: &str) {
        let place = format!("{folder}: {}", self.id);
        assert_eq!(
            (self.role, self.channels),
            (expected.role, expected.channels),
            "{place}"
        );
        let Some(sizes) = &expected.labels else {
            assert_eq!(self.labels, None, "{place}");
            return;
        };
        let labels = self.labels.as_ref();
        let labels = labels.unwrap_or_else(|| panic!("{place} has no labels: {:?}", self.warnings));
        let ids: Vec<u16> = labels.iter().map(|label| label.id).collect();
        assert!(ids.iter().eq(sizes.keys()), "{place}: labels {ids:?}");
        for label in labels {
            let (id, size) = (label.id, label.milliliters);
            assert!((size - sizes[&id]).abs() < 1e-6, "{place}, label {id}: {size} mL");
            if let Some(names) = names {
                assert_eq!(label.name, names[&id], "{place}");
            }
        }
    }
}

impl Found {
    /// Checks the cases: that they are all there, and what is known of each.
    fn check_cases(&self, cases: &BTreeMap<String, Expected>, names: Option<&BTreeMap<u16, String>>, folder: &str) {
        let ids = self.cases.iter().map(|case| &case.id);
        assert!(ids.eq(cases.keys()), "{folder}: {self:?}");
        for (case, expected) in self.cases.iter().zip(cases.values()) {
            case.check(expected, names, folder);
        }
    }

    /// Checks what was found with no option against the row of a folder.
    fn check(&self, row: &Row, folder: &str) {
        self.check_cases(&row.cases, row.names.as_ref(), folder);
        let reasons = self.leftovers.iter().map(|leftover| &leftover.reason);
        let warnings = self.cases.iter().flat_map(|case| &case.warnings);
        let said: Vec<&String> = self.problems.iter().chain(reasons).chain(warnings).collect();
        for words in &row.says {
            let is_said = said.iter().any(|sentence| sentence.contains(words));
            assert!(is_said, "{folder}: {words} in {said:?}");
        }
        for path in &row.leftovers {
            let path = format!("{folder}/{path}");
            let left = self.leftovers.iter().find(|leftover| leftover.path == path);
            let has_reason = left.is_some_and(|leftover| leftover.reason.len() > 10);
            assert!(has_reason, "{path} is named, with a reason: {:?}", self.leftovers);
        }
    }
}

#[test]
fn folders_are_read_by_the_library_as_the_table_has_them() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, row) in table(folder.path()) {
        let through = |options: &[String]| through_library(folder.path(), &name, &row, options);
        through(&[]).check(&row, &name);
        if let Some(mended) = &row.mended {
            through(&row.options).check_cases(mended, row.names.as_ref(), &name);
        }
    }
}

#[test]
fn folders_are_read_by_the_binary_as_by_the_library() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, row) in table(folder.path()) {
        let through = |options: &[String]| {
            let found = through_binary(folder.path(), &name, options);
            let expected = through_library(folder.path(), &name, &row, options);
            (found, expected)
        };
        let (found, expected) = through(&[]);
        found.check(&row, &name);
        assert_eq!(found, expected, "{name}");
        if let Some(mended) = &row.mended {
            let (found, expected) = through(&row.options);
            found.check_cases(mended, row.names.as_ref(), &name);
            assert_eq!(found, expected, "{name}");
        }
    }
}
