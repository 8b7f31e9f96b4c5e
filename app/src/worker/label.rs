//! Labels that are drawn or repaired in the page.

use std::collections::BTreeMap;

use medcontext_core::dataset::{Fix, drawing_path};
use medcontext_core::infer::label_file;
use medcontext_core::volume::LabelImage;

use super::cases;
use super::error::{Result, named};
use super::reading::{read_image, read_labels};
use super::session::Session;
use crate::platform::Blob;
use crate::saved::{blob, names as file_names};

/// Takes a drawing as a case's labels, in place of those it had.
pub async fn take(session: &Session, id: &str, drawing: &Blob, names: &BTreeMap<u16, String>) -> Result<()> {
    let reading = session.read(id).await?;
    let name = format!("the drawing over {id}");
    let drawing = read_labels(&name, drawing).await?;
    let map = LabelImage::drawn(drawing, &reading.case.image, names).map_err(named(&name))?;
    put(session, id, &map).await
}

/// Makes the labels that were found for a case fit its image.
pub async fn repair(session: &Session, id: &str, fix: Fix) -> Result<()> {
    let reading = session.read(id).await?;
    let Some(path) = session.files_of(id)?.label else {
        return Ok(());
    };
    let found = read_image(&path, &session.file(&path)?).await?;
    let repaired = fix.repair(id, &path, found, &reading.case.image)?;
    put(session, id, &repaired).await
}

/// Makes a label map the case's, in place of the one it had.
async fn put(session: &Session, id: &str, map: &LabelImage) -> Result<()> {
    let file = blob(&label_file(map))?;
    let name = file_names::volume(&drawing_path(id));
    session.store(&name, &file.0).await;
    session.library_mut().draw(id, file);
    cases::refresh(session).await;
    Ok(())
}
