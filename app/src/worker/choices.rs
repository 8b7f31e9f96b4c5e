//! What a person decides about files: which label map belongs to a case, and how a series is used.

use medcontext_core::dataset::Frames;

use super::cases::{self, Entry};
use super::error::Result;
use super::files::json_file;
use super::session::Session;
use crate::saved::names;

/// Gives a case the label map at `label`, or none.
pub async fn pair(session: &Session, case: String, label: Option<String>) -> Result<()> {
    // What was drawn came before what is chosen now.
    let drawing = session.library_mut().drawn.remove(&case);
    if let Some(path) = drawing {
        cases::forget_file(session, &path).await;
    }
    session.library_mut().choices.labels.insert(case, label);
    keep(session).await?;
    cases::refresh(session).await
}

/// Uses one frame of a case's series; or all as channels, and so those of every series as long as this one.
pub async fn use_frames(session: &Session, case: &str, frames: Frames) -> Result<()> {
    let decided: Vec<Entry> = {
        let mut cases = session.cases.borrow_mut();
        let length = cases.get(case).and_then(|entry| entry.info.frames);
        let alike = |id: &str, entry: &Entry| {
            let same = length.is_some() && entry.info.frames == length;
            id == case || (same && frames == Frames::Channels)
        };
        cases
            .extract_if(.., |id, entry| alike(id, entry))
            .map(|(_, entry)| entry)
            .collect()
    };
    let paths = decided
        .into_iter()
        .map(|entry| (entry.files.image().to_owned(), frames));
    session.library_mut().choices.frames.extend(paths);
    keep(session).await?;
    cases::refresh(session).await
}

/// Combines label maps of one structure each.
pub async fn combine(session: &Session) -> Result<()> {
    session.library_mut().choices.combine_structures = true;
    keep(session).await?;
    cases::refresh(session).await
}

/// Keeps the choices for the next visit.
pub async fn keep(session: &Session) -> Result<()> {
    let file = json(session)?;
    session.keep(names::CHOICES, &file).await;
    Ok(())
}

/// The choices as a file.
pub fn json(session: &Session) -> Result<web_sys::Blob> {
    json_file(names::CHOICES, &session.library().choices)
}
