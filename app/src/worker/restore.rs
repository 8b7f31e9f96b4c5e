//! A session is packed into an archive, and brought back from one or from the browser's storage.

use medcontext_core::weights::Metadata;

use super::error::Result;
use super::session::Session;
use super::{cases, choices};
use crate::message::{ExportReport, Packed, SegmentationReport, Segmented, SessionReport};
use crate::platform::Blob;
use crate::saved::{Contents, FileLibrary, Saved, bytes_of, json_file, names, pack};

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
    // The session file first: without it the others are not taken for a session.
    session.stored.remove(names::SESSION).await;
    for name in session.stored.names().await? {
        let of_library = |path: String| session.library().files().any(|(known, _)| *known == path);
        if !names::library_path(&name).is_some_and(of_library) {
            session.stored.remove(&name).await;
        }
    }
    Ok(())
}

/// Stores what the page knows.
pub async fn remember(session: &Session, saved: &Saved) -> Result<()> {
    let file = json_file(names::SESSION, saved)?;
    session.store(names::SESSION, &file).await;
    Ok(())
}

/// Brings back what the browser's storage holds.
pub async fn restore_stored(session: &Session) -> Result<()> {
    let (contents, problems) = Contents::of_store(&session.stored).await?;
    for problem in problems {
        session.mention(Err(problem.into()));
    }
    let saved = Saved::find(&session.stored).await?.unwrap_or_default();
    restore(session, contents, saved).await
}

/// Brings back what an archive holds, in place of what is stored.
pub async fn open_archive(session: &Session, path: &str, file: &Blob) -> Result<()> {
    let (contents, saved) = Contents::of_archive(path, file).await?;
    session.stored.clear().await?;
    for (name, content) in contents.files() {
        session.store(name, content).await;
    }
    restore(session, contents, saved).await
}

/// Puts everything back, and tells the page as if it had just come.
async fn restore(session: &Session, mut contents: Contents, saved: Saved) -> Result<()> {
    cases::forget_all(session);
    if saved.format < Saved::FORMAT {
        for (before, now) in contents.move_drawings().await? {
            if let Some(file) = contents.get(&now) {
                session.store(&now, file).await;
                session.stored.remove(&before).await;
            }
        }
    }
    let (library, problem) = contents.library().await?;
    if let Some(problem) = problem {
        session.mention(Err(problem.into()));
    }
    *session.library_mut() = library;
    cases::refresh(session).await;
    if let Some(file) = contents.get(names::WEIGHTS) {
        let bytes = bytes_of(names::WEIGHTS, file).await?;
        let metadata = Metadata::read(&bytes)?;
        session.take_weights(bytes, &metadata).await?;
    }
    for (case, result) in &saved.results {
        let uncertainty = contents.take(&names::uncertainty(case));
        if let Some(file) = contents.take(&names::segmentation(case)) {
            session.reporter.send(SegmentationReport::Done(Segmented {
                case: case.clone(),
                result: result.clone(),
                file,
                uncertainty,
                logits: None,
            }));
        }
    }
    session.reporter.send(SessionReport::Restored(Box::new(saved)));
    Ok(())
}

/// Makes one file of the page's files and, where asked for, of the session.
pub async fn archive(session: &Session, files: Vec<Packed>, saved: Option<Box<Saved>>) -> Result<()> {
    let mut all: Vec<(String, Blob)> = files.into_iter().map(|packed| (packed.name, packed.file.0)).collect();
    if let Some(saved) = saved {
        let contents = Contents::of_session(&session.library(), &saved)?;
        all.extend(contents.files().map(|(name, file)| (name.clone(), file.clone())));
        let state = session.stored.file(names::STATE).await?;
        all.extend(state.map(|state| (names::STATE.to_owned(), state)));
    }
    let archive = pack(&all).await?;
    session.reporter.send(ExportReport::Archive(archive));
    Ok(())
}
