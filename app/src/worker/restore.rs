//! A session as files: kept in the browser's storage, packed into an archive, and brought back from either.

use std::collections::BTreeMap;

use medcontext_core::weights::Metadata;
use web_sys::Blob;

use super::error::{Error, Result};
use super::files::{blob, bytes_of};
use super::session::Session;
use super::{archive, cases, choices, label};
use crate::message::{Handle, Packed, Report};
use crate::saved::{Choices, Saved, names};

/// What an earlier session left in the browser's storage, if it is worth going back to.
pub async fn found(session: &Session) -> Option<Saved> {
    let bytes = session.kept_bytes(names::SESSION).await.ok()??;
    // A session that another version wrote differently is no session.
    let saved: Saved = serde_json::from_slice(&bytes).ok()?;
    (!saved.roles.is_empty()).then_some(saved)
}

/// Keeps what the page knows.
pub async fn remember(session: &Session, saved: &Saved) -> Result<()> {
    session.keep(names::SESSION, &json(saved)?.0).await;
    Ok(())
}

/// Brings back what the browser's storage holds.
pub async fn restore_kept(session: &Session) -> Result<()> {
    let mut contents = BTreeMap::new();
    for name in session.kept_names().await {
        if let Some(file) = session.kept(&name).await {
            contents.insert(name, file.into());
        }
    }
    let saved = found(session).await.unwrap_or_default();
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
    session.forget_kept().await;
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
    session.files.borrow_mut().clear();
    session.drawn.borrow_mut().clear();
    let volumes: Vec<(String, Blob)> = contents
        .iter()
        .filter_map(|(name, file)| {
            Some((name.strip_prefix(names::CASES)?.to_owned(), file.clone()))
        })
        .collect();
    for (path, file) in volumes {
        if path.ends_with("dataset.json") {
            let text = String::from_utf8_lossy(&bytes_of(&path, &file).await?).into_owned();
            *session.dataset_json.borrow_mut() = Some((path, text));
        } else {
            if let Some(case) = label::drawn_case(&path) {
                session
                    .drawn
                    .borrow_mut()
                    .insert(case.to_owned(), path.clone());
            }
            session.files.borrow_mut().insert(path, file);
        }
    }
    let choices: Choices = match contents.get(names::CHOICES) {
        // Of another version: nothing was decided.
        Some(file) => {
            serde_json::from_slice(&bytes_of(names::CHOICES, file).await?).unwrap_or_default()
        }
        None => Choices::default(),
    };
    *session.choices.borrow_mut() = choices;
    cases::refresh(session).await?;
    if let Some(file) = contents.get(names::WEIGHTS) {
        let bytes = bytes_of(names::WEIGHTS, file).await?;
        let metadata = Metadata::read(&bytes)?;
        session.keep_weights(bytes, &metadata).await?;
    }
    for (case, result) in &saved.results {
        let uncertainty = contents.remove(&names::uncertainty(case)).map(Handle);
        if let Some(file) = contents.remove(&names::segmentation(case)) {
            session.reporter.send(Report::Segmented {
                case: case.clone(),
                result: result.clone(),
                file: Handle(file),
                uncertainty,
                logits: None,
            });
        }
    }
    session.reporter.send(Report::Restored(Box::new(saved)));
    Ok(())
}

/// Makes one file of the page's files and, where asked for, of the session.
pub async fn pack(session: &Session, files: Vec<Packed>, saved: Option<Box<Saved>>) -> Result<()> {
    let mut all: Vec<(String, Blob)> = files
        .into_iter()
        .map(|packed| (packed.name, packed.file.0))
        .collect();
    if let Some(saved) = saved {
        all.push((names::SESSION.to_owned(), json(&saved)?.0));
        all.push((names::CHOICES.to_owned(), choices::json(session)?));
        all.extend(case_files(session)?);
        if let Some(state) = session.kept(names::STATE).await {
            all.push((names::STATE.to_owned(), state.into()));
        }
    }
    let archive = archive::pack(&all).await?;
    session.reporter.send(Report::Archive(archive));
    Ok(())
}

/// The files that cases are made of.
fn case_files(session: &Session) -> Result<Vec<(String, Blob)>> {
    let name = |path: &str| format!("{}{path}", names::CASES);
    let volumes = session.files.borrow();
    let mut files: Vec<(String, Blob)> = volumes
        .iter()
        .map(|(path, file)| (name(path), file.clone()))
        .collect();
    if let Some((path, text)) = &*session.dataset_json.borrow() {
        files.push((name(path), blob(text.as_bytes())?.0));
    }
    Ok(files)
}

fn json(saved: &Saved) -> Result<Handle<Blob>> {
    // Maps with names as keys and plain structs always become JSON.
    blob(&serde_json::to_vec(saved).unwrap_or_default())
}
