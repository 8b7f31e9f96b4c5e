//! Labels that are drawn or repaired in the page.

use std::collections::BTreeMap;

use medcontext_core::dataset::{DatasetError, Fix, drawing_path};
use medcontext_core::infer::label_file;
use medcontext_core::volume::LabelImage;

use super::bytes::blob;
use super::cases;
use super::entry::named;
use super::error::Result;
use super::reading::{read_image, read_labels};
use super::session::Session;
use crate::platform::Blob;
use crate::saved::names as file_names;

/// Takes a drawing as a case's labels, in place of those it had.
pub async fn take(session: &Session, id: &str, drawing: &Blob, names: &BTreeMap<u16, String>) -> Result<()> {
    let case = session.case(id).await?;
    let name = format!("the drawing over {id}");
    let drawing = read_labels(&name, drawing).await?;
    let map = LabelImage::drawn(drawing, &case.image, names).map_err(named(&name))?;
    put(session, id, &map).await
}

/// Makes the labels that were found for a case fit its image.
pub async fn repair(session: &Session, id: &str, fix: Fix) -> Result<()> {
    let case = session.case(id).await?;
    let path = session
        .cases
        .borrow()
        .get(id)
        .and_then(|entry| entry.files.label.clone());
    let Some(path) = path else {
        return Ok(());
    };
    let found = read_image(&path, &session.file(&path)?).await?;
    let repaired = match fix {
        Fix::Round => LabelImage::rounded(&found),
        Fix::Resample => LabelImage::from_image(found).and_then(|map| map.onto(&case.image)),
    };
    let repaired = repaired.map_err(named(&path))?;
    if fix == Fix::Resample && repaired.present().is_empty() {
        let case = id.to_owned();
        return Err(DatasetError::NothingInside { case }.into());
    }
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
