//! From files to cases: pairing by name, and what the table shows of them. Headers say enough for that; the
//! voxels are read in `reading.rs`.

use std::collections::BTreeMap;

use medcontext_core::dataset::{CaseFiles, DatasetJson, Frames, HEADER_BYTES, Pairing, pair};
use medcontext_core::train::TrainConfig;
use medcontext_core::volume::{Datatype, Inspection, Limits, VolumeError, inspect};

use super::error::{Error, Result};
use super::files::bytes_of;
use super::label;
use super::reading::read_options;
use super::session::{Session, breathe};
use crate::message::{CaseInfo, CasesReport, TrainingReport, Unused, WorkerReport};
use crate::saved::names;

/// A case, and what is known of it.
pub struct Entry {
    /// Its files.
    pub files: CaseFiles,
    /// What the table shows.
    pub info: CaseInfo,
    /// Voxels of its image as `[depth, height, width]`.
    pub size: [usize; 3],
    /// How a voxel of its image is stored.
    pub datatype: Datatype,
    /// Names of labels, as far as its label map gives them.
    pub names: BTreeMap<u16, String>,
}

impl Entry {
    /// Bytes that its volumes take as they are read, as the network sees them, and labels.
    pub fn bytes(&self) -> u64 {
        let voxels: u64 = self.size.iter().map(|&side| side as u64).product();
        let channels = self.info.channels as u64;
        let label = size_of::<u16>() as u64 + size_of::<u8>() as u64;
        voxels * (channels * (self.datatype.bytes() + size_of::<f32>() as u64) + label)
    }
}

/// Pairs all files taken in so far, and tells of the cases that are new or have other files than before.
pub async fn refresh(session: &Session) -> Result<()> {
    let pairing = paired(session).await?;
    forget_missing(session, &pairing.cases);
    for files in pairing.cases {
        let files = label::prefer_drawn(session, files);
        let known = |entry: &Entry| entry.files == files;
        if session.cases.borrow().get(&files.id).is_some_and(known) {
            continue;
        }
        if let Err(error) = announce(session, &files).await {
            let_go(session, &files, &error).await;
        }
        breathe().await;
    }
    suggest(session);
    Ok(())
}

/// The cases, by the names of the files at hand and by what was decided by hand. The page is told of every file
/// that is not used.
async fn paired(session: &Session) -> Result<Pairing> {
    let file = session.library().dataset_json.clone();
    let json = match &file {
        Some((path, file)) => Some(DatasetJson::parse(path, &bytes_of(path, &file.0).await?)),
        None => None,
    };
    let library = session.library();
    let volumes = library.files.keys().filter(|path| !label::is_drawn(path));
    let json_path = file.iter().map(|(path, _)| path);
    let paths = volumes.chain(&library.strangers).chain(json_path);
    let mut pairing = pair(&paths.cloned().collect::<Vec<_>>(), json.as_ref());
    if library.choices.combine_structures {
        pairing.combine_structures();
    }
    for (case, label) in &library.choices.labels {
        pairing.assign(case, label.as_deref());
    }
    let unused = pairing.leftovers.iter().map(|leftover| Unused {
        path: leftover.path.clone(),
        reason: leftover.reason.clone(),
        volume: library.files.contains_key(&leftover.path),
    });
    session.reporter.send(CasesReport::Leftovers {
        files: unused.collect(),
        structures: !pairing.structures.is_empty(),
    });
    *session.json.borrow_mut() = json;
    Ok(pairing)
}

/// Forgets the cases that are no longer made of the files at hand.
fn forget_missing(session: &Session, found: &[CaseFiles]) {
    let known: Vec<String> = session.cases.borrow().keys().cloned().collect();
    for id in known {
        if !found.iter().any(|files| files.id == id) {
            forget(session, &id);
        }
    }
}

/// Forgets all cases, because their files come anew.
pub fn forget_all(session: &Session) {
    forget_missing(session, &[]);
}

fn forget(session: &Session, id: &str) {
    session.cases.borrow_mut().remove(id);
    session.shelf.borrow_mut().forget(id);
    session.reporter.send(CasesReport::Removed {
        case: id.to_owned(),
    });
}

/// Forgets a case whose image cannot be used, and says why.
pub async fn let_go(session: &Session, files: &CaseFiles, error: &Error) {
    forget(session, &files.id);
    for path in files.channels() {
        forget_file(session, path).await;
    }
    session
        .reporter
        .send(WorkerReport::Problem(error.to_string()));
}

/// Puts a case into the table, as its image's header describes it.
async fn announce(session: &Session, files: &CaseFiles) -> Result<()> {
    let header = header(session, &files.image).await?;
    let options = read_options(session, files);
    let expected = || Frames::expected(header.frames, options.channels);
    let decided = options.frames.or_else(expected);
    let frames = (header.frames > 1 && decided.is_none()).then_some(header.frames);
    let channels = match decided {
        Some(Frames::Channels) => header.frames,
        _ => files.channels().count(),
    };
    let info = CaseInfo {
        id: files.id.clone(),
        image: files.image.clone(),
        label: files.label.clone(),
        labelled: files.is_labelled(),
        dims: header.grid.dims,
        channels,
        spacing: header.spacing,
        orientation: header.orientation,
        frames,
        role: files.role(),
        read: false,
        labels: None,
        thumbnail: None,
        problems: Vec::new(),
        fix: None,
    };
    session.reporter.send(CasesReport::Case(info.clone()));
    let entry = Entry {
        files: files.clone(),
        info,
        size: header.grid.canonical_dims(),
        datatype: header.datatype,
        names: BTreeMap::new(),
    };
    session.shelf.borrow_mut().forget(&files.id);
    let mut cases = session.cases.borrow_mut();
    cases.insert(files.id.clone(), entry);
    Ok(())
}

/// What a file's first bytes say about it.
async fn header(session: &Session, path: &str) -> Result<Inspection> {
    let file = session.file(path)?;
    let start = file
        .slice_with_f64_and_f64(0.0, HEADER_BYTES as f64)
        .map_err(|reason| Error::unreadable(path, &reason))?;
    let header = inspect(&bytes_of(path, &start).await?).and_then(|header| {
        Limits::default()
            .check(header.decoded_bytes)
            .map(|()| header)
    });
    Ok(header.map_err(named(path))?)
}

/// Puts the file's name before what is wrong with it.
pub fn named(path: &str) -> impl FnOnce(VolumeError) -> medcontext_core::Error {
    let file = path.to_owned();
    move |source| medcontext_core::Error::Volume { file, source }
}

/// Offers settings that suit the labelled cases.
fn suggest(session: &Session) {
    let cases = session.cases.borrow();
    let labelled = cases.values().filter(|entry| entry.files.is_labelled());
    let sizes: Vec<[usize; 3]> = labelled.map(|entry| entry.size).collect();
    if !sizes.is_empty() {
        let config = TrainConfig::suggest(&sizes);
        session
            .reporter
            .send(TrainingReport::Suggested(Box::new(config)));
    }
}

/// Forgets a case and its files.
pub async fn remove(session: &Session, id: &str) -> Result<()> {
    let entry = session.cases.borrow_mut().remove(id);
    if let Some(Entry { files, .. }) = entry {
        for path in files.names() {
            forget_file(session, path).await;
        }
        session.library_mut().drawn.remove(id);
        session.drop_kept(&names::segmentation(id)).await;
        session.drop_kept(&names::uncertainty(id)).await;
    }
    forget(session, id);
    refresh(session).await
}

/// Forgets the files that are in no case.
pub async fn discard(session: &Session) -> Result<()> {
    for leftover in paired(session).await?.leftovers {
        forget_file(session, &leftover.path).await;
    }
    session.library_mut().strangers.clear();
    refresh(session).await
}

/// Forgets one file, also where it is kept.
pub async fn forget_file(session: &Session, path: &str) {
    session.library_mut().files.remove(path);
    session.drop_kept(&format!("{}{path}", names::CASES)).await;
}

/// A file with other contents has come in the place of one of this name: what was known of its case is of no
/// use any more.
pub fn replaced(session: &Session, path: &str) {
    let of_path = |entry: &Entry| entry.files.names().any(|file| file == path);
    session
        .cases
        .borrow_mut()
        .retain(|_, entry| !of_path(entry));
}
