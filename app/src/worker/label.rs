//! Labels that are drawn or mended in the page.

use std::collections::BTreeMap;

use medcontext_core::dataset::{CaseFiles, DatasetError, Fix};
use medcontext_core::infer::label_file;
use medcontext_core::volume::{Image, LabelImage, Limits, VolumeError};
use web_sys::Blob;

use super::error::Result;
use super::files::{blob, bytes_of};
use super::session::Session;
use super::{cases, reading};
use crate::message::Handle;
use crate::saved::names::{CASES, DRAWN};

/// Takes a drawing as a case's labels, in place of those it had.
pub async fn take(
    session: &Session,
    id: &str,
    drawing: &Blob,
    names: &BTreeMap<u16, String>,
) -> Result<()> {
    let case = session.case(id).await?;
    let unusable = |source: VolumeError| medcontext_core::Error::Volume {
        file: format!("the drawing over {id}"),
        source,
    };
    let bytes = bytes_of(id, drawing).await?;
    let drawing = Image::read(&bytes, &Limits::default())
        .and_then(LabelImage::from_image)
        .map_err(unusable)?;
    let map = LabelImage::drawn(drawing, &case.image, names).map_err(unusable)?;
    put(session, id, &map).await
}

/// Makes the labels that were found for a case fit its image.
pub async fn mend(session: &Session, id: &str, fix: Fix) -> Result<()> {
    let case = session.case(id).await?;
    let path = session
        .cases
        .borrow()
        .get(id)
        .and_then(|entry| entry.files.label.clone());
    let Some(path) = path else {
        return Ok(());
    };
    let found = reading::read(session, &path).await?;
    let mended = match fix {
        Fix::Round => LabelImage::rounded(&found),
        Fix::Resample => LabelImage::from_image(found).and_then(|map| map.onto(&case.image)),
    };
    let unusable = |source: VolumeError| medcontext_core::Error::Volume { file: path, source };
    let mended = mended.map_err(unusable)?;
    if fix == Fix::Resample && mended.present().is_empty() {
        let case = id.to_owned();
        return Err(DatasetError::NothingInside { case }.into());
    }
    put(session, id, &mended).await
}

/// Keeps a label map as the case's, in place of the one it had.
async fn put(session: &Session, id: &str, map: &LabelImage) -> Result<()> {
    let file = blob(&label_file(map))?.0;
    let path = format!("{DRAWN}{id}.nii.gz");
    session.keep(&format!("{CASES}{path}"), &file).await;
    {
        let mut library = session.library_mut();
        library.files.insert(path.clone(), Handle(file));
        library.drawn.insert(id.to_owned(), path);
    }
    // It has another label map now, or the same one with other voxels.
    session.cases.borrow_mut().remove(id);
    cases::refresh(session).await
}

/// Whether a path is that of a drawing: those are paired by the case's name.
pub fn is_drawn(path: &str) -> bool {
    path.starts_with(DRAWN)
}

/// The case that a drawing's path names.
pub fn drawn_case(path: &str) -> Option<&str> {
    path.strip_prefix(DRAWN)?.strip_suffix(".nii.gz")
}

/// A case's files, with what was drawn in place of the label map that was found.
pub fn prefer_drawn(session: &Session, mut files: CaseFiles) -> CaseFiles {
    if let Some(path) = session.library().drawn.get(&files.id) {
        files.label = Some(path.clone());
        files.structures.clear();
        // Who draws labels means them to be learned from, also those of a test case.
        files.part = None;
    }
    files
}
