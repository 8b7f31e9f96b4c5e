//! A session as files: stored in the browser, packed into an archive, and brought back from either.

use std::collections::BTreeMap;

use medcontext_core::dataset::Choices;
use medcontext_core::weights::Metadata;

use super::bytes::{blob, bytes_of, json_file};
use super::error::{Error, Result};
use super::session::Session;
use super::{archive, cases, choices};
use crate::message::{ExportReport, FileLibrary, Handle, Packed, SegmentationReport, Segmented, SessionReport};
use crate::platform::Blob;
use crate::saved::{Saved, names};

/// What an earlier session left in the browser's storage, if it is worth going back to.
///
/// # Errors
/// When it is there and cannot be read: another version may have written it differently.
pub async fn found(session: &Session) -> Result<Option<Saved>> {
    let Some(bytes) = session.stored_bytes(names::SESSION).await? else {
        return Ok(None);
    };
    let saved: Saved = serde_json::from_slice(&bytes).map_err(|error| Error::UnreadableSession(error.to_string()))?;
    Ok((!saved.roles.is_empty()).then_some(saved))
}

/// Takes over what another worker held. Results and weights are the page's.
pub async fn resume(session: &Session, library: FileLibrary) -> Result<()> {
    let json = library.dataset_json_file();
    let json = json.map(|(path, file)| (names::volume(path), file.0.clone()));
    *session.library_mut() = library;
    // The one before may have died before it had stored them.
    if let Some((name, file)) = json {
        session.store(&name, &file).await;
    }
    choices::apply(session).await
}

/// Forgets what was stored and decided, unless cases have come meanwhile. Files that are in no case stay, here and
/// in the browser's storage.
pub async fn forget(session: &Session) -> Result<()> {
    if !session.cases.borrow().is_empty() {
        return Ok(());
    }
    session.library_mut().forget_choices();
    // First what the page would find the others by.
    session.drop_stored(names::SESSION).await;
    for name in session.stored_names().await? {
        if !belongs(session, &name) {
            session.drop_stored(&name).await;
        }
    }
    Ok(())
}

/// Whether what is stored under this name is a file of the library.
fn belongs(session: &Session, name: &str) -> bool {
    let library = session.library();
    name.strip_prefix(names::CASES)
        .is_some_and(|path| library.files().any(|(known, _)| known == path))
}

/// Stores what the page knows.
pub async fn remember(session: &Session, saved: &Saved) -> Result<()> {
    let file = json_file(names::SESSION, saved)?;
    session.store(names::SESSION, &file).await;
    Ok(())
}

/// Brings back what the browser's storage holds.
pub async fn restore_stored(session: &Session) -> Result<()> {
    let mut contents = BTreeMap::new();
    for name in session.stored_names().await? {
        match session.stored(&name).await {
            Ok(file) => contents.extend(file.map(|file| (name, file))),
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
    let contents = archive::unpack(&bytes_of(path, file).await?).map_err(|error| no_session(error.to_string()))?;
    let saved = contents
        .get(names::SESSION)
        .ok_or_else(|| no_session(format!("it holds no {}", names::SESSION)))?;
    let saved: Saved =
        serde_json::from_slice(&bytes_of(path, saved).await?).map_err(|error| no_session(error.to_string()))?;
    session.clear_storage().await?;
    for (name, content) in &contents {
        session.store(name, content).await;
    }
    restore(session, contents, saved).await
}

/// Puts everything back, and tells the page as if it had just come.
async fn restore(session: &Session, mut contents: BTreeMap<String, Blob>, saved: Saved) -> Result<()> {
    cases::forget_all(session);
    let library = library(session, &contents).await?;
    *session.library_mut() = library;
    cases::refresh(session).await;
    if let Some(file) = contents.get(names::WEIGHTS) {
        let bytes = bytes_of(names::WEIGHTS, file).await?;
        let metadata = Metadata::read(&bytes)?;
        session.take_weights(bytes, &metadata).await?;
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
    session.reporter.send(SessionReport::Restored(Box::new(saved)));
    Ok(())
}

/// The files that cases are made of, and what was decided about them.
async fn library(session: &Session, contents: &BTreeMap<String, Blob>) -> Result<FileLibrary> {
    let mut library = FileLibrary::default();
    for (name, file) in contents {
        let Some(path) = name.strip_prefix(names::CASES) else {
            continue;
        };
        if path.ends_with(".json") {
            let bytes = bytes_of(path, file).await?;
            // What is in the browser's storage may be written anew.
            library.add_dataset_json(path, &bytes, blob(&bytes)?);
        } else {
            library.restore(path, Handle(file.clone()));
        }
    }
    if let Some(file) = contents.get(names::CHOICES) {
        match read_choices(file).await {
            Ok(choices) => library.restore_choices(choices),
            Err(error) => session.mention(Err(error)),
        }
    }
    Ok(library)
}

async fn read_choices(file: &Blob) -> Result<Choices> {
    let bytes = bytes_of(names::CHOICES, file).await?;
    serde_json::from_slice(&bytes).map_err(|error| Error::Choices {
        file: names::CHOICES.to_owned(),
        reason: error.to_string(),
    })
}

/// Makes one file of the page's files and, where asked for, of the session.
pub async fn pack(session: &Session, files: Vec<Packed>, saved: Option<Box<Saved>>) -> Result<()> {
    let mut all: Vec<(String, Blob)> = files.into_iter().map(|packed| (packed.name, packed.file.0)).collect();
    if let Some(saved) = saved {
        all.push((names::SESSION.to_owned(), json_file(names::SESSION, &saved)?));
        all.push((names::CHOICES.to_owned(), choices::json(session)?));
        all.extend(library_files(session));
        if let Some(state) = session.stored(names::STATE).await? {
            all.push((names::STATE.to_owned(), state));
        }
    }
    let archive = archive::pack(&all).await?;
    session.reporter.send(ExportReport::Archive(archive));
    Ok(())
}

/// The files that cases are made of.
fn library_files(session: &Session) -> Vec<(String, Blob)> {
    let library = session.library();
    let named = |(path, file): (&String, &Handle<Blob>)| (names::volume(path), file.0.clone());
    library.files().map(named).collect()
}
