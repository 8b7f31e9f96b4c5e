//! What a person decides about files: which label map belongs to a case, and how a series is used.

use medcontext_core::dataset::Frames;

use super::bytes::json_file;
use super::cases;
use super::entry::Entry;
use super::error::Result;
use super::session::Session;
use crate::platform::Blob;
use crate::saved::names;

/// Gives a case the label map at `label`, or none.
pub async fn pair(session: &Session, case: &str, label: Option<String>) -> Result<()> {
    let drawing = session.library_mut().pair(case, label);
    session.drop_volumes(drawing).await;
    apply(session).await
}

/// Uses one frame of a case's series; or all as channels, and so those of every series as long as this one.
pub async fn use_frames(session: &Session, case: &str, frames: Frames) -> Result<()> {
    let images: Vec<String> = {
        let cases = session.cases.borrow();
        let length = cases.get(case).and_then(|entry| entry.info.frames);
        let alike = |(id, entry): &(&String, &Entry)| {
            let same = length.is_some() && entry.info.frames == length;
            *id == case || (same && frames == Frames::Channels)
        };
        let alike = cases.iter().filter(alike);
        let images = alike.map(|(_, entry)| entry.files.image().to_owned());
        images.collect()
    };
    session.library_mut().use_frames(images, frames);
    apply(session).await
}

/// Combines label maps of one structure each.
pub async fn combine(session: &Session) -> Result<()> {
    session.library_mut().combine_structures();
    apply(session).await
}

/// Stores the choices for the next visit, and brings the cases up to date.
pub async fn apply(session: &Session) -> Result<()> {
    let file = json(session)?;
    session.store(names::CHOICES, &file).await;
    cases::refresh(session).await;
    Ok(())
}

/// The choices as a file.
pub fn json(session: &Session) -> Result<Blob> {
    json_file(names::CHOICES, session.library().choices())
}
