//! A session as files: kept in the browser's storage, packed into an archive, and brought back from either.

use std::collections::BTreeMap;

use medcontext_core::weights::Metadata;
use web_sys::Blob;

use super::error::{Error, Result};
use super::files::{blob, bytes_of, json_file};
use super::session::Session;
use super::{archive, cases, choices, label};
use crate::message::{
    ExportReport, Handle, Library, Packed, SegmentationReport, Segmented, SessionReport,
};
use crate::saved::{Choices, Saved, names};

/// What an earlier session left in the browser's storage, if it is worth going back to.
///
/// # Errors
/// When it is there and cannot be read: another version may have written it differently.
pub async fn found(session: &Session) -> Result<Option<Saved>> {
    let Some(bytes) = session.kept_bytes(names::SESSION).await? else {
        return Ok(None);
    };
    let saved: Saved = serde_json::from_slice(&bytes)
        .map_err(|error| Error::UnreadableSession(error.to_string()))?;
    Ok((!saved.roles.is_empty()).then_some(saved))
}

/// Takes over what another worker held. Results and weights are the page's.
pub async fn resume(session: &Session, library: Library) -> Result<()> {
    let json = library.dataset_json.clone();
    *session.library_mut() = library;
    // The one before may have died before it had kept them.
    choices::keep(session).await?;
    if let Some((path, file)) = json {
        let name = format!("{}{path}", names::CASES);
        session.keep(&name, &file.0).await;
    }
    cases::refresh(session).await
}

/// Forgets what was kept and decided, unless cases have come meanwhile. Files that are in no case stay, here and in
/// the browser's storage.
pub async fn forget(session: &Session) -> Result<()> {
    if !session.cases.borrow().is_empty() {
        return Ok(());
    }
    session.library_mut().choices = Choices::default();
    // First what the page would find the others by.
    session.drop_kept(names::SESSION).await;
    for name in session.kept_names().await? {
        if !belongs(session, &name) {
            session.drop_kept(&name).await;
        }
    }
    Ok(())
}

/// Whether what is kept under this name is a file of the library.
fn belongs(session: &Session, name: &str) -> bool {
    let library = session.library();
    let json = library.dataset_json.as_ref().map(|(path, _)| path.as_str());
    name.strip_prefix(names::CASES)
        .is_some_and(|path| library.files.contains_key(path) || json == Some(path))
}

/// Keeps what the page knows.
pub async fn remember(session: &Session, saved: &Saved) -> Result<()> {
    let file = json_file(names::SESSION, saved)?;
    session.keep(names::SESSION, &file).await;
    Ok(())
}

/// Brings back what the browser's storage holds.
pub async fn restore_kept(session: &Session) -> Result<()> {
    let mut contents = BTreeMap::new();
    for name in session.kept_names().await? {
        match session.kept(&name).await {
            Ok(file) => contents.extend(file.map(|file| (name, file.into()))),
            Err(error) => session.mention(Err(error)),
        }
    }
    let saved = found(session).await?.unwrap_or_default();
    restore(session, contents, saved).await
}

/// Brings back what an archive holds, in place of what is kept.
pub async fn open_archive(session: &Session, path: &str, file: &Blob) -> Result<()> {
    let no_session = |reason: String| Error::NoSession {
        file: path.to_owned(),
        reason,
    };
    let contents = archive::unpack(&bytes_of(path, file).await?)
        .map_err(|error| no_session(error.to_string()))?;
    let saved = contents
        .get(names::SESSION)
        .ok_or_else(|| no_session(format!("it holds no {}", names::SESSION)))?;
    let saved: Saved = serde_json::from_slice(&bytes_of(path, saved).await?)
        .map_err(|error| no_session(error.to_string()))?;
    session.forget_kept().await?;
    for (name, content) in &contents {
        session.keep(name, content).await;
    }
    restore(session, contents, saved).await
}

/// Puts everything back, and tells the page as if it had just come.
async fn restore(
    session: &Session,
    mut contents: BTreeMap<String, Blob>,
    saved: Saved,
) -> Result<()> {
    cases::forget_all(session);
    *session.library_mut() = library(session, &contents).await?;
    cases::refresh(session).await?;
    if let Some(file) = contents.get(names::WEIGHTS) {
        let bytes = bytes_of(names::WEIGHTS, file).await?;
        let metadata = Metadata::read(&bytes)?;
        session.keep_weights(bytes, &metadata).await?;
    }
    for (case, result) in &saved.results {
        let uncertainty = contents.remove(&names::uncertainty(case)).map(Handle);
        if let Some(file) = contents.remove(&names::segmentation(case)) {
            session.reporter.send(SegmentationReport::Done(Segmented {
                case: case.clone(),
                result: result.clone(),
                file: Handle(file),
                uncertainty,
                logits: None,
            }));
        }
    }
    session
        .reporter
        .send(SessionReport::Restored(Box::new(saved)));
    Ok(())
}

/// The files that cases are made of, and what was decided about them.
async fn library(session: &Session, contents: &BTreeMap<String, Blob>) -> Result<Library> {
    let mut library = Library::default();
    for (name, file) in contents {
        let Some(path) = name.strip_prefix(names::CASES) else {
            continue;
        };
        if path.ends_with(".json") {
            // What is in the browser's storage may be written anew.
            let own = blob(&bytes_of(path, file).await?)?;
            library.dataset_json = Some((path.to_owned(), own));
            continue;
        }
        if let Some(case) = label::drawn_case(path) {
            library.drawn.insert(case.to_owned(), path.to_owned());
        }
        library.files.insert(path.to_owned(), Handle(file.clone()));
    }
    if let Some(file) = contents.get(names::CHOICES) {
        let read = bytes_of(names::CHOICES, file).await;
        let choices = read.and_then(|bytes| {
            serde_json::from_slice(&bytes).map_err(|error| Error::Choices {
                file: names::CHOICES.to_owned(),
                reason: error.to_string(),
            })
        });
        match choices {
            Ok(choices) => library.choices = choices,
            Err(error) => session.mention(Err(error)),
        }
    }
    Ok(library)
}

/// Makes one file of the page's files and, where asked for, of the session.
pub async fn pack(session: &Session, files: Vec<Packed>, saved: Option<Box<Saved>>) -> Result<()> {
    let mut all: Vec<(String, Blob)> = files
        .into_iter()
        .map(|packed| (packed.name, packed.file.0))
        .collect();
    if let Some(saved) = saved {
        all.push((
            names::SESSION.to_owned(),
            json_file(names::SESSION, &saved)?,
        ));
        all.push((names::CHOICES.to_owned(), choices::json(session)?));
        all.extend(case_files(session)?);
        if let Some(state) = session.kept(names::STATE).await? {
            all.push((names::STATE.to_owned(), state.into()));
        }
    }
    let archive = archive::pack(&all).await?;
    session.reporter.send(ExportReport::Archive(archive));
    Ok(())
}

/// The files that cases are made of.
fn case_files(session: &Session) -> Result<Vec<(String, Blob)>> {
    let name = |path: &str| format!("{}{path}", names::CASES);
    let library = session.library();
    let mut files: Vec<(String, Blob)> = library
        .files
        .iter()
        .map(|(path, file)| (name(path), file.0.clone()))
        .collect();
    if let Some((path, file)) = &library.dataset_json {
        files.push((name(path), file.0.clone()));
    }
    Ok(files)
}
