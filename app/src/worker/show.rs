//! Volumes for the viewer.

use medcontext_core::volume::SurfaceNames;

use super::error::{Result, named};
use super::reading::{read_image, read_labels};
use super::reporter::yield_now;
use super::session::Session;
use crate::message::{CaseInfo, DisplayReport, ExportReport, Handle};
use crate::platform::Blob;
use crate::saved::{blob, pack};

/// Sends a case's volumes for display, as this program reads them.
pub async fn view(session: &Session, id: &str) -> Result<()> {
    *session.viewed.borrow_mut() = Some(id.to_owned());
    let undecided = |info: &CaseInfo| info.header.undecided_frames.is_some();
    if session.cases.borrow().get(id).is_some_and(undecided) {
        // The table asks which frame it is to be.
        return Ok(());
    }
    // Before the picture: a label has its color when it is known.
    let reading = session.read(id).await?;
    let case = &reading.case;
    let truth = case.label.as_ref().map(|label| blob(&label.to_display()));
    session.reporter.send(DisplayReport::Case {
        case: id.to_owned(),
        image: blob(&case.image.to_display().map_err(named(id))?)?,
        truth: truth.transpose()?,
    });
    Ok(())
}

/// Sends what was found in a case, as this program reads it.
pub async fn display(
    session: &Session,
    case: String,
    number: u32,
    labels: Option<Handle<Blob>>,
    uncertainty: Option<Handle<Blob>>,
) -> Result<()> {
    let labels = match labels {
        Some(file) => Some(blob(&read_labels(&case, &file.0).await?.to_display())?),
        None => None,
    };
    let uncertainty = match uncertainty {
        Some(file) => {
            let map = read_image(&case, &file.0).await?;
            Some(blob(&map.to_display().map_err(named(&case))?)?)
        }
        None => None,
    };
    session.reporter.send(DisplayReport::Segmentation {
        case,
        number,
        labels,
        uncertainty,
    });
    Ok(())
}

/// Sends where a segmentation differs from a case's own labels.
pub async fn compare(session: &Session, id: &str, segmentation: &Blob) -> Result<()> {
    let reading = session.read(id).await?;
    let Some(truth) = &reading.case.label else {
        return Ok(());
    };
    let found = read_labels(id, segmentation).await?;
    let difference = found.difference(truth).map_err(named(id))?;
    session.reporter.send(DisplayReport::Difference {
        case: id.to_owned(),
        file: blob(&difference.to_display())?,
    });
    Ok(())
}

/// Sends the surface of every label of a segmentation, in mm.
pub async fn surfaces(session: &Session, id: &str, segmentation: &Blob) -> Result<()> {
    let map = read_labels(id, segmentation).await?;
    let names = session.label_names();
    let mut file_names = SurfaceNames::default();
    let mut files = Vec::new();
    for label in map.present() {
        let name = names.get(&label).cloned();
        let name = name.unwrap_or_else(|| format!("label {label}"));
        let stl = map.surface(label).to_stl(&name);
        files.push((file_names.take(id, &name, label), blob(&stl)?.0));
        yield_now().await;
    }
    session.reporter.send(ExportReport::Surfaces {
        case: id.to_owned(),
        file: pack(&files).await?,
    });
    Ok(())
}
