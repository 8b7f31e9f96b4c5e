//! What a person decides about files: which label map belongs to a case, and how a series is used.

use medcontext_core::dataset::Frames;
use medcontext_core::volume::SliceAxis;

use super::cases;
use super::error::Result;
use super::session::Session;
use crate::message::CaseInfo;
use crate::saved::{json_file, names};

/// Gives a case the label map at `label`, or none.
pub async fn pair(session: &Session, case: &str, label: Option<String>) -> Result<()> {
    let drawing = session.library_mut().pair(case, label);
    session.stored.remove_volumes(drawing).await;
    apply(session).await
}

/// Uses one frame of a case's series; or all as channels, and so those of every series as long as this one.
pub async fn use_frames(session: &Session, case: &str, frames: Frames) -> Result<()> {
    let images: Vec<String> = {
        let cases = session.cases.borrow();
        let length = cases.get(case).and_then(|info| info.header.undecided_frames);
        let as_long = |info: &CaseInfo| length.is_some() && info.header.undecided_frames == length;
        let all = frames == Frames::Channels;
        let used = cases
            .values()
            .filter(|info| info.id() == case || (all && as_long(info)));
        used.map(|info| info.files.image().to_owned()).collect()
    };
    session.library_mut().use_frames(images, frames);
    apply(session).await
}

/// Combines label maps of one structure each.
pub async fn combine(session: &Session) -> Result<()> {
    session.library_mut().combine_structures();
    apply(session).await
}

/// Counts only the slices along an axis that hold a label, or all.
pub async fn count_labeled_slices(session: &Session, axis: Option<SliceAxis>) -> Result<()> {
    session.library_mut().count_labeled_slices(axis);
    apply(session).await
}

/// Stores the choices for the next visit, and brings the cases up to date.
pub async fn apply(session: &Session) -> Result<()> {
    let file = json_file(names::CHOICES, session.library().choices())?;
    session.store(names::CHOICES, &file).await;
    cases::refresh(session).await;
    Ok(())
}
